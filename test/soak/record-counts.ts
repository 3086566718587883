import type { Storage } from '../../src/storage/storage.js'
import { passing } from '../support/passing-storage.js'

/**
 * Counts the records of a storage that has no server to ask, by what is made and deleted. For one node: two may both be told that
 * they deleted the same record.
 */
export function countingRecords(inner: Storage, counts: Map<string, number>): Storage {
  const count = (kind: string, by: number) => counts.set(kind, (counts.get(kind) ?? 0) + by)
  return {
    ...passing(inner),
    async commit(sets) {
      const answer = await inner.commit(sets)
      for (const [i, { writes }] of sets.entries()) {
        if (answer.results[i]?.applied !== true) continue
        for (const { kind, expect, leave } of writes) {
          if (expect === null && leave) count(kind, 1)
          else if (expect !== null && leave === null) count(kind, -1)
        }
      }
      return answer
    },
  }
}
