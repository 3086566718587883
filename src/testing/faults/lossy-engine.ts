import type { Engine, EngineHost, TaskRef } from '../../engine/engine.js'
import type { Random } from '../../internal/random.js'

/** What a {@link LossyEngine} does wrong, as chances from 0 to 1. */
export interface EngineFaults {
  /** A reference that is offered is not taken in. Default 0. */
  readonly lostOffer?: number | undefined
}

/**
 * An engine that may be told to forget everything: its window, and what it has handed out. By the contract of engines
 * that costs time (until the next refill) and never correctness.
 */
export class LossyEngine implements Engine {
  readonly name: string
  readonly #make: () => Engine
  readonly #random: Random
  #faults: EngineFaults
  #inner: Engine
  #host: EngineHost | undefined
  #ready = false
  readonly #lanes = new Set<string>()

  /** @param make - makes the engine underneath; called again for each loss. */
  constructor(make: () => Engine, random: Random, faults: EngineFaults = {}) {
    this.#make = make
    this.#random = random
    this.#faults = faults
    this.#inner = make()
    this.name = `lossy ${this.#inner.name}`
  }

  /** Other faults from now on. */
  setFaults(faults: EngineFaults): void {
    this.#faults = faults
  }

  /** Forgets everything, as a flushed broker would. */
  forget(): void {
    const host = this.#host
    if (host === undefined) return
    const old = this.#inner
    this.#inner = this.#make()
    this.#ready = false
    old.stop({ graceMs: 0 }).catch(host.onError)
    this.#begin(host).catch(host.onError)
  }

  start(host: EngineHost): Promise<void> {
    this.#host = host
    return this.#begin(host)
  }

  offer(refs: readonly TaskRef[]): void {
    const kept = refs.filter(() => this.#random.next() >= (this.#faults.lostOffer ?? 0))
    if (this.#ready && kept.length > 0) this.#inner.offer(kept)
  }

  want(lanes: Iterable<string>, n: number): TaskRef[] {
    const asked = [...lanes]
    for (const lane of asked) this.#lanes.add(lane)
    return this.#ready ? this.#inner.want(asked, n) : []
  }

  hint(lanes: readonly string[]): void {
    if (this.#ready) this.#inner.hint?.(lanes)
  }

  finish(refs: readonly TaskRef[]): void {
    if (this.#ready) this.#inner.finish(refs)
  }

  putBack(refs: readonly TaskRef[]): void {
    if (this.#ready) this.#inner.putBack?.(refs)
  }

  async stop(options: { readonly graceMs: number }): Promise<void> {
    this.#host = undefined
    this.#ready = false
    await this.#inner.stop(options)
  }

  async #begin(host: EngineHost): Promise<void> {
    const inner = this.#inner
    await inner.start(host)
    if (this.#inner !== inner || this.#host !== host) return
    this.#ready = true
    if (this.#lanes.size > 0) host.wake([...this.#lanes])
  }
}
