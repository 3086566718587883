import type { TaskRef } from '../engine/engine.js'
import type { Timer } from '../internal/clock.js'
import type { Entry, NodeContext } from './node-context.js'

/**
 * Tasks that nobody here can take now although their lane has room. They are tried again when a slot or a permit is
 * freed, when a limit lets them, at every poll, and when the strategy that holds one back wants to be asked again.
 */
export class Parked {
  readonly #refs = new Map<string, TaskRef>()
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
    this.#refs.set(ref.id, ref)
    if (againMs === undefined || !(againMs < this.node.settings.pollMs)) return
    const { clock } = this.node
    const delayMs = Math.max(1, againMs)
    const at = clock.monotonic() + delayMs
    if (this.#again !== undefined && this.#again.at <= at) return
    this.stop()
    this.#again = { at, timer: clock.setTimer(() => this.#due(), delayMs) }
  }

  /** A limit of its type keeps it here. */
  addLimited(ref: TaskRef): void {
    this.#refs.set(ref.id, ref)
    this.hasLimited = true
  }

  takeAll(): TaskRef[] {
    const refs = [...this.#refs.values()]
    this.#refs.clear()
    this.hasLimited = false
    return refs
  }

  /** Takes back the timer. */
  stop(): void {
    this.#again?.timer.cancel()
    this.#again = undefined
  }

  #due(): void {
    this.#again = undefined
    this.retry()
  }
}
