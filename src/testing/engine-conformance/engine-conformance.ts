import { strict as assert } from 'node:assert'
import type { Engine } from '../../engine/engine.js'
import { realClock } from '../../internal/clock.js'
import { VirtualClock } from '../virtual-clock.js'
import { EngineProbe } from './probe.js'

/** An engine made for one case. */
export interface EngineUnderTest {
  /** Empty, and not started yet. */
  readonly engine: Engine
  /** References that it holds per lane before it leaves the rest in storage, as it was told. From 8 to 200. */
  readonly windowSize: number
  /** Lets go of everything, whether or not the engine was stopped. */
  dispose(): Promise<void>
}

/** Makes an empty engine. */
export type EngineFactory = () => Promise<EngineUnderTest>

/** What a case is given. */
export interface EngineCaseContext {
  /** The coordinator's side: storage, host, and the verbs that the cases are written in. */
  readonly probe: EngineProbe
  readonly engine: Engine
  readonly windowSize: number
  /** For the cases that draw random numbers; the message of a failure names it. */
  readonly seed: number
}

/** One clause of the contract. */
export interface EngineCase {
  /** The part of the contract: `want`, `refill`. */
  readonly topic: string
  /** What must be true. */
  readonly name: string
  /** Throws when it isn't. */
  run(context: EngineCaseContext): Promise<void>
}

/** A case by its parts, for the tables in `cases/`. */
export function topic(name: string, cases: Readonly<Record<string, EngineCase['run']>>): EngineCase[] {
  return Object.entries(cases).map(([title, run]) => ({ topic: name, name: title, run }))
}

/** How an engine is tested. */
export interface EngineTiming {
  /**
   * Whether it works outside this process, so that time must really pass. Default false: a virtual clock, and the whole
   * kit takes less than a second.
   */
  readonly realTime?: boolean | undefined
  /** For the random cases. Default 1. */
  readonly seed?: number | undefined
}

/** Runs one case on an engine of its own. Throws when the engine breaks the clause. */
export async function runEngineCase(one: EngineCase, create: EngineFactory, timing: EngineTiming = {}): Promise<void> {
  const { engine, windowSize, dispose } = await create()
  try {
    assert.ok(windowSize >= 8 && windowSize <= 200, 'windowSize must be from 8 to 200, or the kit takes too long')
    const clock = timing.realTime === true ? undefined : new VirtualClock()
    const probe = new EngineProbe(engine, clock ?? realClock, (ms) =>
      clock === undefined ? new Promise((resolve) => realClock.setTimer(() => resolve(), ms)) : clock.advance(ms),
    )
    await one.run({ probe, engine, windowSize, seed: timing.seed ?? 1 })
    await engine.stop({ graceMs: 100 })
  } finally {
    await dispose()
  }
}
