import { commitCases } from './cases/commits.js'
import { queryCases } from './cases/queries.js'
import { randomCases } from './cases/random.js'
import { readCases } from './cases/reads.js'
import { valueCases } from './cases/values.js'
import { runStorageCase, type StorageCase, type StorageFactory, type StorageLacks } from './storage-conformance.js'

/** Every clause of the storage contract. */
export const storageConformanceCases: readonly StorageCase[] = [
  ...readCases,
  ...commitCases,
  ...queryCases,
  ...valueCases,
  ...randomCases,
]

/** The functions of a test runner, as vitest, jest, mocha and node:test have them. */
export interface TestRunner {
  describe(name: string, define: () => void): unknown
  it: ((name: string, run: () => Promise<void>) => unknown) & { skip(name: string, run: () => Promise<void>): unknown }
}

/** Settings of the kit. */
export interface StorageConformanceOptions {
  /** Makes an empty storage; called once for each case. */
  readonly create: StorageFactory
  /** What the storage can't do, with the reason; its cases are skipped under that reason. */
  readonly lacks?: StorageLacks | undefined
  /** For the random case. Default 1. */
  readonly seed?: number | undefined
}

/**
 * Defines the whole kit as tests.
 *
 * ```ts
 * import { describe, it } from 'vitest'
 * storageConformance({ create: async () => ({ storage: myStorage(), dispose: async () => {} }) }, { describe, it })
 * ```
 */
export function storageConformance(options: StorageConformanceOptions, { describe, it }: TestRunner): void {
  for (const topic of new Set(storageConformanceCases.map((one) => one.topic))) {
    describe(topic, () => {
      for (const one of storageConformanceCases.filter((each) => each.topic === topic)) {
        const run = () => runStorageCase(one, options.create, options.seed)
        const lack = one.needs && options.lacks?.[one.needs]
        if (lack === undefined) it(one.name, run)
        else it.skip(`${one.name} (${lack})`, run)
      }
    })
  }
}

/** What became of each case. */
export interface StorageConformanceReport {
  readonly passed: readonly StorageCase[]
  readonly failed: readonly { readonly case: StorageCase; readonly error: unknown }[]
  readonly skipped: readonly { readonly case: StorageCase; readonly reason: string }[]
}

/** Runs the whole kit without a test runner. Never rejects. */
export async function runStorageConformance(options: StorageConformanceOptions): Promise<StorageConformanceReport> {
  const passed: StorageCase[] = []
  const failed: { case: StorageCase; error: unknown }[] = []
  const skipped: { case: StorageCase; reason: string }[] = []
  for (const one of storageConformanceCases) {
    const reason = one.needs && options.lacks?.[one.needs]
    if (reason !== undefined) {
      skipped.push({ case: one, reason })
      continue
    }
    try {
      await runStorageCase(one, options.create, options.seed)
      passed.push(one)
    } catch (error) {
      failed.push({ case: one, error })
    }
  }
  return { passed, failed, skipped }
}
