import { Heap } from '../../internal/heap.js'

/** When somebody is served: of two at the same time, the one that has waited longer is first. */
interface Standing {
  readonly at: number
  readonly number: number
}

/** Where a tenant stands, in all its lines alike. */
interface Turn extends Standing {
  readonly tenant: string
  /** How far one task moves it back. */
  readonly step: number
  at: number
  number: number
  /** Where it stood before it was served last. */
  before: Standing | undefined
  readonly lines: Set<TenantLine>
}

/** A turn in one line, with where it stood when it was put there: never later than where it stands now. */
interface Place extends Standing {
  readonly turn: Turn
}

const standsBefore = (a: Standing, b: Standing) => a.at < b.at || (a.at === b.at && a.number < b.number)

/** The tenants that have something in one lane. */
export class TenantLine {
  readonly heap = new Heap<Place>(standsBefore)
  /** The place of each that counts. */
  readonly places = new Map<Turn, Place>()

  /** @param hasAny - whether a tenant still has something in this lane. */
  constructor(readonly hasAny: (tenant: string) => boolean) {}
}

/**
 * Whose turn it is among tenants: one task each in turn, or as many as their weights say. Virtual time (start-time fair queueing):
 * a tenant stands at the time of its next turn, which a task moves on by 1 / weight; the earliest is served. Who joins, or could
 * not be served for a while, is served now, and has saved up nothing.
 *
 * Each lane has a line of its own, so that those who have work in other lanes only are never looked at. A tenant that is served
 * moves back in a line when it comes to its front: O(log tenants) per task, for each lane that its tenant has something in.
 */
export class TenantTurns {
  readonly #turns = new Map<string, Turn>()
  /** Those who can't be served in the choice under way, and the places that were taken out of lines for it. */
  readonly #passedBy = new Set<Turn>()
  readonly #takenOut: { readonly line: TenantLine; readonly place: Place }[] = []
  #now = 0
  #numbers = 0

  constructor(private readonly weightOf: (tenant: string) => number) {}

  /** Lets a tenant stand in a line; nothing happens when it does already. */
  join(line: TenantLine, tenant: string): void {
    let turn = this.#turns.get(tenant)
    if (turn === undefined) {
      turn = {
        ...{ tenant, step: 1 / this.weightOf(tenant), lines: new Set() },
        ...{ at: this.#now, number: this.#numbers++, before: undefined },
      }
      this.#turns.set(tenant, turn)
    }
    if (turn.lines.has(line)) return
    turn.lines.add(line)
    put(line, turn)
  }

  /** The tenant whose turn it is in these lines, of those who were not passed by. */
  first(lines: Iterable<TenantLine>): string | undefined {
    let first: Turn | undefined
    for (const line of lines) {
      const turn = this.#front(line)
      if (turn !== undefined && (first === undefined || standsBefore(turn, first))) first = turn
    }
    return first?.tenant
  }

  /** It is served. */
  serve(tenant: string): void {
    const turn = this.#turns.get(tenant)
    if (turn === undefined || this.#turns.size === 1) return
    turn.before = { at: turn.at, number: turn.number }
    this.#now = Math.max(this.#now, turn.at)
    turn.at = this.#now + turn.step
    turn.number = this.#numbers++
  }

  /** What a tenant was served with last came back: it stands where it stood before. */
  takeBack(tenant: string): void {
    const turn = this.#turns.get(tenant)
    if (turn?.before === undefined) return
    Object.assign(turn, turn.before, { before: undefined })
    for (const line of turn.lines) put(line, turn)
  }

  /** It can't be served in this choice: it keeps its place. */
  passBy(tenant: string): void {
    const turn = this.#turns.get(tenant)
    if (turn !== undefined) this.#passedBy.add(turn)
  }

  /** The choice is made. */
  done(): void {
    this.#passedBy.clear()
    for (let out = this.#takenOut.pop(); out !== undefined; out = this.#takenOut.pop()) out.line.heap.push(out.place)
  }

  clear(): void {
    this.#turns.clear()
  }

  /** The first in a line, after what stands in front of it and should not is out of the way. */
  #front(line: TenantLine): Turn | undefined {
    for (let place = line.heap.peek(); place !== undefined; place = line.heap.peek()) {
      const { turn } = place
      const counts = line.places.get(turn) === place
      const isThere = counts && line.hasAny(turn.tenant)
      const isPassedBy = this.#passedBy.has(turn)
      if (isThere && !isPassedBy && place.number === turn.number) return turn
      line.heap.pop()
      if (counts && !isThere) this.#leave(line, turn)
      else if (isThere && isPassedBy) this.#takenOut.push({ line, place })
      else if (isThere) put(line, turn)
    }
    return undefined
  }

  /** It has nothing in this line any more. In none: it leaves, and joins again no earlier than it would have been served. */
  #leave(line: TenantLine, turn: Turn): void {
    line.places.delete(turn)
    turn.lines.delete(line)
    if (turn.lines.size > 0) return
    this.#turns.delete(turn.tenant)
    this.#now = Math.max(this.#now, turn.at)
  }
}

/** Puts a turn where it stands now; where it was put before counts no longer. */
function put(line: TenantLine, turn: Turn): void {
  const place = { turn, at: turn.at, number: turn.number }
  line.places.set(turn, place)
  line.heap.push(place)
}
