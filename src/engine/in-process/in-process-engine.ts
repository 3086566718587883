import type { Timer } from '../../internal/clock.js'
import { checkOptions } from '../../task/option-check.js'
import type { Engine, EngineHost, TaskRef } from '../engine.js'
import { LaneWindow } from './lane-window.js'
import { TenantTurns } from './tenant-turns.js'

/** Options of the in-process engine. */
export interface InProcessEngineOptions {
  /** References held per lane, from 1 to 100,000. More stay in storage and are read when there is room. Default 1,000. */
  readonly windowSize?: number | undefined
}

/** How many of the lowest ranks are read again at each poll, so that an urgent task submitted elsewhere is seen. */
const HEAD = 64

/**
 * The default engine: windows in this process, refilled from storage. Several nodes over one storage may each have one;
 * the claims decide who gets a task.
 * @throws OPTIONS_INVALID.
 */
export function inProcessEngine(options: InProcessEngineOptions = {}): Engine {
  checkOptions('inProcessEngine', options, {
    windowSize: (check, path, value) => check.number(path, value, { min: 1, max: 100_000, whole: true }),
  })
  return new InProcessEngine(options.windowSize ?? 1_000)
}

class InProcessEngine implements Engine {
  readonly name = 'in-process'
  readonly #windowSize: number
  readonly #lanes = new Map<string, LaneWindow>()
  /** Of the tenants that have anything here. */
  readonly #turns: TenantTurns
  readonly #weightOf = (tenant: string) => this.#host?.weightOf?.(tenant) ?? 1
  #host: EngineHost | undefined
  #timer: Timer | undefined
  #isStopped = false

  constructor(windowSize: number) {
    this.#windowSize = windowSize
    this.#turns = new TenantTurns(this.#weightOf)
  }

  async start(host: EngineHost): Promise<void> {
    this.#host = host
    this.#poll()
  }

  offer(refs: readonly TaskRef[]): void {
    if (this.#isStopped) return
    for (const ref of refs) {
      if (this.#lane(ref.lane).offer(ref)) this.#turns.join(ref.tenant)
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
    this.#turns.clear()
  }

  /** The lowest rank of the tenant whose turn it is. */
  #takeNext(windows: readonly LaneWindow[]): TaskRef | undefined {
    const turns = this.#turns
    let taken: TaskRef | undefined
    for (let tenant = turns.first; tenant !== undefined && taken === undefined; tenant = turns.first) {
      taken = lowest(windows, tenant)?.take(tenant)
      if (taken !== undefined) turns.serve()
      else if (this.#hasAny(tenant)) turns.passBy()
      else turns.leave()
    }
    turns.done()
    return taken
  }

  #hasAny(tenant: string): boolean {
    for (const window of this.#lanes.values()) if (window.peek(tenant) !== undefined) return true
    return false
  }

  #lane(lane: string): LaneWindow {
    let window = this.#lanes.get(lane)
    if (window === undefined) {
      window = new LaneWindow(lane, this.#windowSize, this.#weightOf)
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
      for (const ref of refs) this.#turns.join(ref.tenant)
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

/** The window with a tenant's lowest rank. */
function lowest(windows: readonly LaneWindow[], tenant: string): LaneWindow | undefined {
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
  return best
}
