import type { TaskRef } from '../engine/engine.js'
import type { Timer } from '../internal/clock.js'
import { Heap } from '../internal/heap.js'
import type { AgentInstance } from './agents/agent-instance.js'
import type { Entry, NodeContext } from './node-context.js'
import { ranksBefore } from './task-ref.js'

const NONE: readonly TaskRef[] = []
/** Of those that wait for the same agents so many are tried again at once: where one does not get on, the others don't either. */
const TRIED_AGAIN = 1_000

/** Tasks of one lane that wait for anybody but the agents that they failed on. */
interface WaitingForOthers {
  readonly lane: string
  readonly failed: readonly string[]
  readonly refs: Heap<TaskRef>
}

/**
 * Tasks that nobody here can take now although their lane has room. They are tried again when a slot or a permit is
 * freed, when a limit lets them, at every poll, and when the strategy that holds one back wants to be asked again.
 */
export class Parked {
  readonly #refs = new Map<string, TaskRef>()
  /** Some of them, grouped: a slot that is freed concerns only as many as it can take. */
  readonly #waiting = new Map<string, WaitingForOthers>()
  /** The others, by id. */
  readonly #rest = new Set<string>()
  /** Whether a limit of its type keeps one of them here. */
  hasLimited = false
  #again: { readonly at: number; readonly timer: Timer } | undefined

  constructor(
    private readonly node: NodeContext,
    private readonly retry: () => void,
  ) {}

  get size(): number {
    return this.#refs.size
  }

  has(id: string): boolean {
    return this.#refs.has(id)
  }

  get types(): Set<string> {
    const types = new Set<string>()
    for (const ref of this.#refs.values()) {
      const type = (ref.hint as Entry | undefined)?.value.type
      if (type !== undefined) types.add(type)
    }
    return types
  }

  /** @param againMs - when to try it again at the latest; of no use when a poll comes before. */
  add(ref: TaskRef, againMs?: number): void {
    this.#keep(ref)
    if (againMs === undefined || !(againMs < this.node.settings.pollMs)) return
    const { clock } = this.node
    const delayMs = Math.max(1, againMs)
    const at = clock.monotonic() + delayMs
    if (this.#again !== undefined && this.#again.at <= at) return
    this.stop()
    this.#again = { at, timer: clock.setTimer(() => this.#due(), delayMs) }
  }

  /** It waits for an agent that it has not failed on. */
  addForOthers(ref: TaskRef, failed: readonly string[]): void {
    const key = JSON.stringify([ref.lane, ...new Set(failed)])
    let group = this.#waiting.get(key)
    if (group === undefined) {
      group = { lane: ref.lane, failed, refs: new Heap(ranksBefore) }
      this.#waiting.set(key, group)
    }
    this.#refs.set(ref.id, ref)
    group.refs.push(ref)
  }

  /** A limit of its type keeps it here. */
  addLimited(ref: TaskRef): void {
    this.#keep(ref)
    this.hasLimited = true
  }

  /** Those to try again now that this instance has a free slot: of those that wait for one like it, only so many. */
  takeFor({ id, lanes, load }: AgentInstance): readonly TaskRef[] {
    if (this.#refs.size === 0) return NONE
    return this.#take(({ lane, failed }) =>
      failed.includes(id) || !lanes.includes(lane) ? 0 : load.capacity - load.inFlight,
    )
  }

  /** Those to try again at a poll. */
  takeAll(): readonly TaskRef[] {
    return this.#take(() => TRIED_AGAIN)
  }

  /** Takes back the timer. */
  stop(): void {
    this.#again?.timer.cancel()
    this.#again = undefined
  }

  /** All but those that wait for agents, and of each group of these so many, the lowest ranks. */
  #take(countOf: (group: WaitingForOthers) => number): readonly TaskRef[] {
    const taken = Array.from(this.#rest, (ref) => this.#refs.get(ref) as TaskRef)
    this.#rest.clear()
    this.hasLimited = false
    for (const [key, group] of this.#waiting) {
      const { refs } = group
      for (let count = countOf(group); count > 0 && refs.size > 0; count--) taken.push(refs.pop() as TaskRef)
      if (refs.size === 0) this.#waiting.delete(key)
    }
    for (const ref of taken) this.#refs.delete(ref.id)
    return taken
  }

  #keep(ref: TaskRef): void {
    this.#refs.set(ref.id, ref)
    this.#rest.add(ref.id)
  }

  #due(): void {
    this.#again = undefined
    this.retry()
  }
}
