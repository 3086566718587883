import { Heap } from '../../internal/heap.js'

interface Turn {
  readonly tenant: string
  /** How far one task moves it back. */
  readonly step: number
  at: number
  /** Of two at the same time, the one that has waited longer is first. */
  number: number
  /** Where it stood before it was served last. */
  before: { readonly at: number; readonly number: number } | undefined
}

/**
 * Whose turn it is among tenants: one task each in turn, or as many as their weights say. Virtual time (start-time fair queueing):
 * a tenant stands at the time of its next turn, which a task moves on by 1 / weight; the earliest is served. Who joins, or could
 * not be served for a while, is served now, and has saved up nothing. O(log tenants) per task.
 */
export class TenantTurns {
  readonly #line = new Heap<Turn>((a, b) => a.at < b.at || (a.at === b.at && a.number < b.number))
  readonly #turns = new Map<string, Turn>()
  /** Those who were passed by in the choice under way. */
  readonly #passedBy: Turn[] = []
  #now = 0
  #numbers = 0

  constructor(private readonly weightOf: (tenant: string) => number) {}

  /** Lets a tenant stand in line; nothing happens when it does already. */
  join(tenant: string): void {
    if (this.#turns.has(tenant)) return
    const turn: Turn = {
      ...{ tenant, step: 1 / this.weightOf(tenant) },
      ...{ at: this.#now, number: this.#numbers++, before: undefined },
    }
    this.#turns.set(tenant, turn)
    this.#line.push(turn)
  }

  /** The tenant whose turn it is, of those who were not passed by. */
  get first(): string | undefined {
    return this.#line.peek()?.tenant
  }

  /** The first is served. */
  serve(): void {
    if (this.#turns.size === 1) return
    const turn = this.#line.pop()
    if (turn === undefined) return
    turn.before = { at: turn.at, number: turn.number }
    this.#now = Math.max(this.#now, turn.at)
    turn.at = this.#now + turn.step
    turn.number = this.#numbers++
    this.#line.push(turn)
  }

  /** What a tenant was served with last came back: it stands where it stood before. O(tenants), and rare. */
  takeBack(tenant: string): void {
    const turn = this.#turns.get(tenant)
    if (turn?.before === undefined) return
    this.#line.remove(turn)
    Object.assign(turn, turn.before, { before: undefined })
    this.#line.push(turn)
  }

  /** The first can't be served in this choice: it keeps its place. */
  passBy(): void {
    const turn = this.#line.pop()
    if (turn !== undefined) this.#passedBy.push(turn)
  }

  /** The first has nothing any more: it leaves, and joins no earlier than it would have been served. */
  leave(): void {
    const turn = this.#line.pop()
    if (turn === undefined) return
    this.#turns.delete(turn.tenant)
    this.#now = Math.max(this.#now, turn.at)
  }

  /** The choice is made. */
  done(): void {
    for (let turn = this.#passedBy.pop(); turn !== undefined; turn = this.#passedBy.pop()) this.#line.push(turn)
  }

  clear(): void {
    this.#turns.clear()
    while (this.#line.pop() !== undefined);
  }
}
