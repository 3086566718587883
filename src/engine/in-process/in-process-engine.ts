import type { Timer } from '../../internal/clock.js'
import { checkOptions } from '../../task/option-check.js'
import type { Engine, EngineHost, TaskRef } from '../engine.js'
import { HeadStarts } from './head-starts.js'
import { HEAD, type Nearest, ranksBefore, SHARED_HEAD } from './lane-head.js'
import { LaneWindow } from './lane-window.js'
import { TenantTurns } from './tenant-turns.js'

/** Options of the in-process engine. */
export interface InProcessEngineOptions {
  /** References held per lane, from 1 to 100,000. More stay in storage and are read when there is room. Default 1,000. */
  readonly windowSize?: number | undefined
}

/**
 * The default engine: windows in this process, refilled from storage. Several nodes over one storage may each have one;
 * the claims decide who gets a task. So that not all of them claim the same, each takes those of the lowest ranks that it comes
 * first for, and the others' only when it has none of its own and they were left lying.
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
  #headStarts: HeadStarts | undefined
  /** Windows that hold nothing but what others come first for, while a slot here waits. */
  readonly #lookAgain = new Map<LaneWindow, Timer>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(windowSize: number) {
    this.#windowSize = windowSize
    this.#turns = new TenantTurns(this.#weightOf)
  }

  async start(host: EngineHost): Promise<void> {
    this.#host = host
    this.#headStarts = new HeadStarts(host.clock, host.newsMs ?? host.pollMs)
    this.#poll()
  }

  offer(refs: readonly TaskRef[]): void {
    if (this.#isStopped) return
    const isShared = this.#host?.placeOf !== undefined
    for (const ref of refs) {
      if (isShared) this.#headStarts?.offered(ref)
      const window = this.#lane(ref.lane)
      if (window.offer(ref)) this.#turns.join(window.line, ref.tenant)
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
    const placeOf = this.#host?.placeOf
    const taken: TaskRef[] = []
    while (taken.length < n) {
      const ref = this.#takeNext(windows, placeOf)
      if (ref === undefined) break
      taken.push(ref)
    }
    if (placeOf !== undefined && taken.length < n) for (const window of windows) this.#lookLater(window, placeOf)
    // An empty window too: what filled it last may all have been gone when it came.
    for (const window of asked) {
      if (window.isLow) void this.#refill(window, this.#windowSize)
      else if (window.isStale && taken.length < n) void this.#refill(window, SHARED_HEAD)
    }
    return taken
  }

  hint(lanes: readonly string[]): void {
    for (const lane of lanes) this.#lanes.get(lane)?.hint()
  }

  finish(refs: readonly TaskRef[]): void {
    for (const ref of refs) {
      this.#headStarts?.claimed(ref)
      this.#lanes.get(ref.lane)?.finish(ref.id)
    }
  }

  putBack(refs: readonly TaskRef[]): void {
    for (const ref of refs) this.#headStarts?.putBack(ref)
    this.finish(refs)
    this.offer(refs)
    for (const ref of refs) this.#turns.takeBack(ref.tenant)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const timer of this.#lookAgain.values()) timer.cancel()
    this.#lookAgain.clear()
    this.#host = undefined
    this.#headStarts = undefined
    this.#lanes.clear()
    this.#turns.clear()
  }

  /** The lowest rank of the tenant whose turn it is. */
  #takeNext(windows: readonly LaneWindow[], placeOf: EngineHost['placeOf']): TaskRef | undefined {
    const turns = this.#turns
    let taken: TaskRef | undefined
    const lines = windows.map(({ line }) => line)
    for (let tenant = turns.first(lines); tenant !== undefined; tenant = turns.first(lines)) {
      if (placeOf === undefined) taken = lowest(windows, tenant)?.take(tenant)
      else taken = this.#takeOurs(windows, tenant, placeOf)
      if (taken === undefined) turns.passBy(tenant)
      else {
        turns.serve(tenant)
        break
      }
    }
    turns.done()
    return taken
  }

  /** Of what a tenant has for this node the lowest rank; when it has nothing, of what is left lying by others. */
  #takeOurs(
    windows: readonly LaneWindow[],
    tenant: string,
    placeOf: NonNullable<EngineHost['placeOf']>,
  ): TaskRef | undefined {
    const isOld = (ref: TaskRef) => this.#headStarts?.isOld(ref) === true
    const distanceOf = (ref: TaskRef, isTry?: boolean) => this.#headStarts?.distance(ref, placeOf(ref), isTry)
    let best: (Nearest & { readonly window: LaneWindow }) | undefined
    for (const window of windows) {
      const head = window.head(tenant)
      // With a try a read begins, so there is none while one is under way.
      const isTry = !window.isRefilling
      const isOwn = (ref: TaskRef) => distanceOf(ref, isTry) === 0
      // Of what a read showed only when it has looked, and found nothing of its own since; or it is old, which is a try.
      const leftOf = (ref: TaskRef) =>
        window.ownTaken > 0 && distanceOf(ref) !== undefined && !isOld(ref) ? undefined : distanceOf(ref, true)
      const found = head?.own(isOwn, isOld) ?? (isTry ? head?.leftLying(leftOf, isOld) : undefined)
      if (found !== undefined && (best === undefined || isBetter(found, best))) best = { window, ...found }
    }
    if (best === undefined) return undefined
    best.window.takeOut(best)
    this.#headStarts?.taken(best.ref)
    const isTried = distanceOf(best.ref) === undefined || (best.distance > 0 && best.window.ownTaken > 0)
    // Most of what it passed over is gone by now: a look drops that, and shows what comes next.
    const isFar = best.passed >= SHARED_HEAD / 2 && this.#lookDueInMs(best.window) === 0
    if (isTried || isFar) void this.#refill(best.window, SHARED_HEAD)
    return best.ref
  }

  /** A read for a few tasks, or once in a head start, costs less than the claims that it saves. */
  #lookDueInMs({ ownTaken, refilledAt }: LaneWindow): number {
    if (this.#host === undefined || this.#headStarts === undefined || ownTaken >= SHARED_HEAD / 8) return 0
    return Math.max(0, refilledAt + this.#headStarts.ms - this.#host.clock.monotonic())
  }

  /** A slot here waits for what others come first for: looks again when they had their time. */
  #lookLater(window: LaneWindow, placeOf: NonNullable<EngineHost['placeOf']>): void {
    const host = this.#host
    const headStarts = this.#headStarts
    if (host === undefined || headStarts === undefined || this.#lookAgain.has(window) || window.size === 0) return
    let waitMs = Number.POSITIVE_INFINITY
    for (const tenant of window.tenants) {
      for (const ref of window.head(tenant)?.refs ?? []) waitMs = Math.min(waitMs, headStarts.waitMs(ref, placeOf(ref)))
    }
    const look = () => {
      this.#lookAgain.delete(window)
      void this.#refill(window, SHARED_HEAD)
    }
    this.#lookAgain.set(window, host.clock.setTimer(look, Math.max(waitMs, this.#lookDueInMs(window))))
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

  /** @param more - how many to read besides those that are out. */
  async #refill(window: LaneWindow, more: number): Promise<void> {
    const host = this.#host
    if (host === undefined || !window.beginRefill()) return
    const limit = more + window.outside
    const beganAt = host.clock.monotonic()
    window.refilledAt = beganAt
    try {
      const refs = await host.readReady(window.lane, limit, this.#wantsOf(window, host.placeOf))
      if (this.#host === undefined) return
      const isShared = host.placeOf !== undefined
      if (isShared) {
        this.#headStarts?.read(beganAt)
        window.dropMissing(refs, refs.length < limit)
        for (const ref of refs) this.#headStarts?.shown(ref, beganAt)
      }
      const added = window.endRefill(refs, refs.length < limit)
      for (const ref of refs) this.#turns.join(window.line, ref.tenant)
      // A hint that came meanwhile may be of what this read was too early for.
      if (added > 0 || window.isStale || (isShared && window.size > 0)) host.wake([window.lane])
    } catch (error) {
      window.failRefill()
      host.onError(error)
    }
  }

  /** Which hints a read is to bring: not of what is here or out already, nor of what others come first for. A window that is empty takes all. */
  #wantsOf(window: LaneWindow, placeOf: EngineHost['placeOf']): ((ref: TaskRef) => boolean) | undefined {
    if (placeOf === undefined && window.size === 0 && window.outside < HEAD) return undefined
    return (ref) => !window.has(ref.id) && (placeOf === undefined || placeOf(ref) === 0)
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

function isBetter(a: Nearest, b: Nearest): boolean {
  return a.distance === b.distance ? ranksBefore(a.ref, b.ref) : a.distance < b.distance
}

/** The window with a tenant's lowest rank. */
function lowest(windows: readonly LaneWindow[], tenant: string): LaneWindow | undefined {
  let best: LaneWindow | undefined
  let bestRef: TaskRef | undefined
  for (const window of windows) {
    const ref = window.peek(tenant)
    if (ref === undefined) continue
    if (bestRef === undefined || ranksBefore(ref, bestRef)) {
      best = window
      bestRef = ref
    }
  }
  return best
}
