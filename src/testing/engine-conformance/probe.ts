import { strict as assert } from 'node:assert'
import type { Engine, EngineHost, TaskRef } from '../../engine/engine.js'
import type { Clock } from '../../internal/clock.js'

/** How often the engine under test looks for what others made ready. */
const POLL_MS = 50
/** After this many polls in which nothing came, nothing will. */
const PATIENCE = 4

/** One question of the engine to its host. */
export interface Asked {
  readonly lane: string
  readonly limit: number
}

/** Lower goes first; ties go by id. */
export function inRankOrder(a: TaskRef, b: TaskRef): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/**
 * The coordinator's side of an engine: a storage of ready tasks, the host that reads it, and the verbs that the cases
 * are written in.
 */
export class EngineProbe {
  /** What is ready, by id: the truth that the engine works from. */
  readonly ready = new Map<string, TaskRef>()
  /** What the engine asked for. */
  readonly asked: Asked[] = []
  /** Lanes that it woke the host for. */
  readonly woken: string[] = []
  readonly errors: unknown[] = []
  /** While set, reading fails. */
  storageError: Error | undefined
  /** The lanes that its slots serve. */
  lanes: readonly string[] = ['lane']
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #pass: (ms: number) => Promise<void>
  #made = 0

  /** @param pass - lets so many milliseconds go by. */
  constructor(engine: Engine, clock: Clock, pass: (ms: number) => Promise<void>) {
    this.#engine = engine
    this.#clock = clock
    this.#pass = pass
  }

  /** Starts the engine with this as its host. */
  async start(): Promise<void> {
    const host: EngineHost = {
      clock: this.#clock,
      pollMs: POLL_MS,
      readReady: (lane, limit) => this.#read(lane, limit),
      wake: (lanes) => void this.woken.push(...lanes),
      onError: (error) => void this.errors.push(error),
    }
    const started = this.#engine.start(host)
    await this.#pass(1)
    await started
  }

  /** References that were never used before, at these ranks. */
  refs(ranks: readonly number[], of: { readonly lane?: string; readonly tenant?: string } = {}): TaskRef[] {
    return ranks.map((rank) => {
      const id = `task-${String(++this.#made).padStart(6, '0')}`
      return { id, lane: of.lane ?? 'lane', tenant: of.tenant ?? 'default', rank }
    })
  }

  /** Makes tasks ready in storage, and tells the engine nothing: another node did it. */
  store(refs: readonly TaskRef[]): void {
    for (const ref of refs) this.ready.set(ref.id, ref)
  }

  /** Makes tasks ready here: stored, then offered. */
  offer(refs: readonly TaskRef[]): void {
    this.store(refs)
    this.#engine.offer(refs)
  }

  /** Asks once; checks what any answer must be. */
  want(n: number, lanes: readonly string[] = this.lanes): TaskRef[] {
    const refs = this.#engine.want(lanes, n)
    assert.ok(refs.length <= n, `asked for ${n}, got ${refs.length}`)
    for (const ref of refs) assert.ok(lanes.includes(ref.lane), `got a task of ${ref.lane}, asked for ${lanes}`)
    return refs
  }

  /** Asks, and if nothing comes lets time pass and asks again, until there are `n` or nothing comes any more. */
  async take(n: number, lanes: readonly string[] = this.lanes): Promise<TaskRef[]> {
    const taken: TaskRef[] = []
    for (let tries = 0; taken.length < n && tries < PATIENCE; tries++) {
      for (let got = this.want(n - taken.length, lanes); got.length > 0; got = this.want(n - taken.length, lanes)) {
        taken.push(...got)
        tries = 0
        if (taken.length === n) return taken
      }
      await this.#pass(POLL_MS)
    }
    return taken
  }

  /** These tasks are running now: gone from storage, and finished for the engine. */
  claim(refs: readonly TaskRef[]): void {
    for (const { id } of refs) this.ready.delete(id)
    this.#engine.finish(refs)
  }

  /** Takes and claims one by one until nothing comes any more; the refs in the order in which they came. */
  async drain(lanes: readonly string[] = this.lanes): Promise<TaskRef[]> {
    const drained: TaskRef[] = []
    for (let tries = 0; ; tries++) {
      const [ref] = await this.take(1, lanes)
      if (ref === undefined) return drained
      assert.ok(tries <= 2 * this.#made, 'it goes on handing out what has been claimed')
      // At least once is enough: a reference to what has been claimed meanwhile is finished, and that is all.
      if (this.ready.has(ref.id)) drained.push(ref)
      this.claim([ref])
    }
  }

  /** Claims all that comes at once, without letting any time pass; says how many those were. */
  claimAtOnce(): number {
    for (let taken = 0; ; taken++) {
      const refs = this.want(1)
      if (refs.length === 0) return taken
      assert.ok(taken <= 2 * this.#made, 'it goes on handing out what has been claimed')
      this.claim(refs)
    }
  }

  /** Lets so many poll intervals pass. */
  async polls(n: number): Promise<void> {
    for (let i = 0; i < n; i++) await this.#pass(POLL_MS)
  }

  async #read(lane: string, limit: number): Promise<readonly TaskRef[]> {
    this.asked.push({ lane, limit })
    assert.ok(Number.isInteger(limit) && limit > 0, `readReady was asked for ${limit}`)
    if (this.storageError !== undefined) throw this.storageError
    const byTenant = new Map<string, TaskRef[]>()
    for (const ref of [...this.ready.values()].filter((each) => each.lane === lane).sort(inRankOrder)) {
      const queue = byTenant.get(ref.tenant)
      if (queue === undefined) byTenant.set(ref.tenant, [ref])
      else queue.push(ref)
    }
    const found: TaskRef[] = []
    for (let i = 0; found.length < limit; i++) {
      const round = [...byTenant.values()].flatMap((queue) => queue[i] ?? [])
      if (round.length === 0) break
      found.push(...round)
    }
    return found.slice(0, limit)
  }
}

/** The ids of references, in their order. */
export function idsOf(refs: readonly TaskRef[]): string[] {
  return refs.map((ref) => ref.id)
}
