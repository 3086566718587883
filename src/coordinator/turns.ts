/**
 * One at a time, in order: the queue of an ordering key. Its record holds the next number and the number whose turn it
 * is (`head`); both are equal when nobody is in it. A task has the turn from the moment `head` is its number until it
 * is over, through all its retries.
 */
import type { TurnRecord } from '../storage/records.js'
import { promoted } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import type { SetBuilder } from './commit/set-builder.js'
import type { Entry, NodeContext } from './node-context.js'

/** The id of a turn: of a user's ordering key, or of a session. */
export function turnIdOf(tenant: string, space: 'user' | 'session', key: string): string {
  return `${encodeURIComponent(tenant)}/${space}/${encodeURIComponent(key)}`
}

/** A turn as read, and the changes that one set makes to it: written once, whatever happens to it. */
export class TurnEdit {
  readonly id: string
  readonly #was: Entry<'turn'> | undefined
  #nextSeq: number
  #head: number

  constructor(id: string, was: Entry<'turn'> | undefined) {
    this.id = id
    this.#was = was
    this.#nextSeq = was?.value.nextSeq ?? 1
    this.#head = was?.value.head ?? 1
  }

  /** Whether this set changes it. */
  get isChanged(): boolean {
    return this.#nextSeq !== (this.#was?.value.nextSeq ?? 1) || this.#head !== (this.#was?.value.head ?? 1)
  }

  /** Whether anybody is in it. */
  get isBusy(): boolean {
    return this.#head !== this.#nextSeq
  }

  has(seq: number): boolean {
    return this.#head === seq
  }

  /** Takes the next number. */
  join(): { readonly seq: number; readonly hasTurn: boolean } {
    const seq = this.#nextSeq++
    return { seq, hasTurn: this.#head === seq }
  }

  /** Passes the turn to this number, or to whoever comes next when nobody waits. */
  pass(nextSeq: number | undefined): void {
    this.#head = nextSeq ?? this.#nextSeq
  }

  write(set: SetBuilder, now: number): void {
    const value: TurnRecord = { ...this.#was?.value, nextSeq: this.#nextSeq, head: this.#head, touchedAt: now }
    set.put('turn', this.id, this.#was, value)
  }

  /** Writes nothing, but only if the turn still stands as read. */
  expect(set: SetBuilder): void {
    set.expect('turn', this.id, this.#was)
  }

  /** Gives a new or newly due task its number and its place. */
  admit(task: TaskRecord): TaskRecord {
    const { seq, hasTurn } = this.join()
    return { ...promoted(task, hasTurn), turnKey: this.id, seq }
  }
}

/** The unfinished task with the lowest number above this one. */
export async function nextInTurn(node: NodeContext, turnId: string, seq: number): Promise<Entry | undefined> {
  const [next] = await node.query('task', 'turn', { prefix: [turnId], after: [turnId, seq], limit: 1 })
  return next
}
