import type { TestRunner } from '../storage-conformance/index.js'
import { handOutCases } from './cases/hand-out.js'
import { randomCases } from './cases/random.js'
import { refillCases } from './cases/refill.js'
import { type EngineCase, type EngineFactory, type EngineTiming, runEngineCase } from './engine-conformance.js'

/** Every clause of the engine contract. */
export const engineConformanceCases: readonly EngineCase[] = [...handOutCases, ...refillCases, ...randomCases]

/** Settings of the kit. */
export interface EngineConformanceOptions extends EngineTiming {
  /** Makes an empty engine; called once for each case. */
  readonly create: EngineFactory
}

/**
 * Defines the whole kit as tests.
 *
 * ```ts
 * import { describe, it } from 'vitest'
 * const create = async () => ({ engine: myEngine({ window: 40 }), windowSize: 40, dispose: async () => {} })
 * engineConformance({ create }, { describe, it })
 * ```
 */
export function engineConformance(options: EngineConformanceOptions, { describe, it }: TestRunner): void {
  for (const topic of new Set(engineConformanceCases.map((one) => one.topic))) {
    describe(topic, () => {
      for (const one of engineConformanceCases.filter((each) => each.topic === topic)) {
        it(one.name, () => runEngineCase(one, options.create, options))
      }
    })
  }
}

/** What became of each case. */
export interface EngineConformanceReport {
  readonly passed: readonly EngineCase[]
  readonly failed: readonly { readonly case: EngineCase; readonly error: unknown }[]
}

/** Runs the whole kit without a test runner. Never rejects. */
export async function runEngineConformance(options: EngineConformanceOptions): Promise<EngineConformanceReport> {
  const passed: EngineCase[] = []
  const failed: { case: EngineCase; error: unknown }[] = []
  for (const one of engineConformanceCases) {
    try {
      await runEngineCase(one, options.create, options)
      passed.push(one)
    } catch (error) {
      failed.push({ case: one, error })
    }
  }
  return { passed, failed }
}
