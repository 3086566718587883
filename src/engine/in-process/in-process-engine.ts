import type { Timer } from '../../internal/clock.js'
import type { Engine, EngineHost, TaskRef } from '../engine.js'
import { LaneWindow } from './lane-window.js'

/** Options of the in-process engine. */
export interface InProcessEngineOptions {
  /** References held per lane. More stay in storage and are read when there is room. Default 1,000. */
  readonly windowSize?: number | undefined
}

/** How many of the lowest ranks are read again at each poll, so that an urgent task submitted elsewhere is seen. */
const HEAD = 64

/**
 * The default engine: windows in this process, refilled from storage. Several nodes over one storage may each have one;
 * the claims decide who gets a task.
 */
export function inProcessEngine(options: InProcessEngineOptions = {}): Engine {
  return new InProcessEngine(options.windowSize ?? 1_000)
}

class InProcessEngine implements Engine {
  readonly name = 'in-process'
  readonly #windowSize: number
  readonly #lanes = new Map<string, LaneWindow>()
  /** Tenants that have anything here, in the order in which they are served. */
  readonly #tenants = new Set<string>()
  #host: EngineHost | undefined
  #timer: Timer | undefined
  #isStopped = false

  constructor(windowSize: number) {
    this.#windowSize = windowSize
  }

  async start(host: EngineHost): Promise<void> {
    this.#host = host
    this.#poll()
  }

  offer(refs: readonly TaskRef[]): void {
    if (this.#isStopped) return
    for (const ref of refs) {
      if (this.#lane(ref.lane).offer(ref)) this.#tenants.add(ref.tenant)
    }
  }

  want(lanes: Iterable<string>, n: number): TaskRef[] {
    if (this.#isStopped) return []
    const asked: LaneWindow[] = []
    const windows: LaneWindow[] = []
    for (const lane of lanes) {
      const window = this.#lane(lane)
      asked.push(window)
      if (window.size > 0) windows.push(window)
    }
    const taken: TaskRef[] = []
    while (taken.length < n) {
      const ref = this.#takeNext(windows)
      if (ref === undefined) break
      taken.push(ref)
    }
    // An empty window too: what filled it last may all have been gone when it came.
    for (const window of asked) if (window.isLow) void this.#refill(window, this.#windowSize)
    return taken
  }

  finish(refs: readonly TaskRef[]): void {
    for (const ref of refs) this.#lanes.get(ref.lane)?.finish(ref.id)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#host = undefined
    this.#lanes.clear()
    this.#tenants.clear()
  }

  /** The lowest rank of the tenant whose turn it is. A tenant that was served goes to the end of the line. */
  #takeNext(windows: readonly LaneWindow[]): TaskRef | undefined {
    for (const tenant of this.#tenants) {
      let best: LaneWindow | undefined
      let bestRef: TaskRef | undefined
      for (const window of windows) {
        const ref = window.peek(tenant)
        if (ref === undefined) continue
        if (bestRef === undefined || ref.rank < bestRef.rank || (ref.rank === bestRef.rank && ref.id < bestRef.id)) {
          best = window
          bestRef = ref
        }
      }
      if (best === undefined) {
        if (!this.#hasAny(tenant)) this.#tenants.delete(tenant)
        continue
      }
      if (this.#tenants.size > 1) {
        this.#tenants.delete(tenant)
        this.#tenants.add(tenant)
      }
      return best.take(tenant)
    }
    return undefined
  }

  #hasAny(tenant: string): boolean {
    for (const window of this.#lanes.values()) if (window.peek(tenant) !== undefined) return true
    return false
  }

  #lane(lane: string): LaneWindow {
    let window = this.#lanes.get(lane)
    if (window === undefined) {
      window = new LaneWindow(lane, this.#windowSize)
      this.#lanes.set(lane, window)
      void this.#refill(window, this.#windowSize)
    }
    return window
  }

  async #refill(window: LaneWindow, limit: number): Promise<void> {
    const host = this.#host
    if (host === undefined || !window.beginRefill()) return
    try {
      const refs = await host.readReady(window.lane, limit)
      if (this.#host === undefined) return
      const added = window.endRefill(refs, refs.length < limit)
      for (const ref of refs) this.#tenants.add(ref.tenant)
      if (added > 0) host.wake([window.lane])
    } catch (error) {
      window.failRefill()
      host.onError(error)
    }
  }

  #poll(): void {
    const host = this.#host
    if (host === undefined) return
    this.#timer = host.clock.setTimer(() => {
      for (const window of this.#lanes.values()) {
        void this.#refill(window, window.size === 0 ? this.#windowSize : HEAD)
      }
      this.#poll()
    }, host.pollMs)
  }
}
