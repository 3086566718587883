import type { RecordValue, Storage, WriteSet } from '../../src/storage/storage.js'

/** How many claims were committed, and how many were refused. */
export interface ClaimCount {
  made: number
  refused: number
}

/** Has a storage count what becomes of claims. */
export function countingClaims<S extends Storage>(storage: S, claims: ClaimCount): S {
  const commit = storage.commit.bind(storage)
  storage.commit = async (sets) => {
    const answer = await commit(sets)
    for (const [i, set] of sets.entries()) {
      if (!isClaim(set)) continue
      if (answer.results[i]?.applied === true) claims.made++
      else claims.refused++
    }
    return answer
  }
  return storage
}

/** ready -> running of a task that is there. */
function isClaim({ writes: [first] }: WriteSet): boolean {
  const value:
    | (RecordValue & { readonly state?: string; readonly attempts?: readonly { endedAt?: number }[] })
    | undefined = first?.leave?.value
  if (first?.kind !== 'task' || first.expect === null || value?.state !== 'running') return false
  return value.attempts?.at(-1)?.endedAt === undefined
}
