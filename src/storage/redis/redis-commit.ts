import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import type { IndexDefinition, SetResult, StorageSchema, WriteSet } from '../storage.js'
import { worstError } from '../worst-error.js'
import { COMMIT } from './redis-commit-script.js'
import type { RedisConnection } from './redis-connection.js'
import { assertNotNewer, shapeOf } from './redis-layout.js'
import { decodeRecord, encodeExpect, encodeLeave, type RedisNames } from './redis-record.js'

/**
 * One script does at most so many writes, and one set more: nothing else runs in Redis meanwhile. A larger commit is
 * several scripts, sent together.
 */
const MAX_WRITES = 128
/** And about so many characters. */
const MAX_CHARACTERS = 1024 * 1024

const APPLIED: SetResult = Object.freeze({ applied: true })

/** What one script is given. */
interface Part {
  readonly sets: WriteSet[]
  readonly keys: string[]
  /** The keys of all indexes that the records it changes may be in. */
  readonly indexes: Set<string>
  readonly args: (string | number)[]
  characters: number
}

/** Applies the sets in one round trip. `times`: the answers that tell the server's time. */
export async function commitSets(
  connection: RedisConnection,
  names: RedisNames,
  schema: StorageSchema,
  indexesOf: (kind: string) => readonly IndexDefinition[],
  sets: readonly WriteSet[],
): Promise<{ times: readonly (readonly unknown[])[]; results: readonly SetResult[] }> {
  // All texts are made before anything is sent: should a key function throw, nothing was written.
  const parts = partsOf(names, indexesOf, sets)
  const shape = shapeOf(schema)
  const answers = await all(
    parts.map(({ keys, indexes, args }) =>
      connection.run('writes', COMMIT, [...keys, ...indexes], [...shape, names.base, indexes.size, ...args]),
    ),
  )
  // Some parts may have been applied before the store became newer: asked for alone, such a set says so.
  for (const answer of answers) assertNotNewer(answer, schema)
  const results = parts.flatMap((part, i) => part.sets.map((set, s) => resultOf(set, answers[i]?.[3 + s])))
  return { times: answers, results }
}

function partsOf(
  names: RedisNames,
  indexesOf: (kind: string) => readonly IndexDefinition[],
  sets: readonly WriteSet[],
): readonly Part[] {
  const parts: Part[] = []
  let part: Part | undefined
  for (const set of sets) {
    if (part === undefined || part.keys.length > MAX_WRITES || part.characters > MAX_CHARACTERS) {
      part = { sets: [], keys: [names.meta], indexes: new Set(), args: [], characters: 0 }
      parts.push(part)
    }
    part.sets.push(set)
    part.args.push(set.notAfter, set.writes.length)
    for (const write of set.writes) {
      const indexes = indexesOf(write.kind)
      const leave = encodeLeave(indexes, write)
      part.keys.push(names.record(write.kind, write.id))
      if (write.leave !== undefined) for (const { name } of indexes) part.indexes.add(names.index(name))
      part.args.push(encodeExpect(write), leave)
      part.characters += leave.length
    }
  }
  return parts
}

/**
 * The answers of all parts. When one fails, what the others did decides: nothing was written only if nothing was by any.
 */
async function all(calls: readonly Promise<unknown[]>[]): Promise<readonly unknown[][]> {
  const outcomes = await Promise.allSettled(calls)
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (errors.length === 0) return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const error = worstError(errors)
  if (errors.length === outcomes.length || !isBatutaError(error, 'STORAGE_UNAVAILABLE')) throw error
  throw new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'Redis took a part of a commit, and not the rest.', {
    data: { storage: 'redis' },
    cause: error,
  })
}

function resultOf({ writes }: WriteSet, answer: unknown): SetResult {
  if (!Array.isArray(answer)) return APPLIED
  const [reason, ...texts] = answer as ['conflict' | 'late', ...(string | null)[]]
  const found = writes.map(({ kind, id }, i) => {
    const text = texts[i]
    return typeof text === 'string' ? decodeRecord(kind, id, text) : undefined
  })
  return { applied: false, reason, found }
}
