import type { MongoClient } from 'mongodb'
import { isBatutaError } from '../../../src/errors/base-error.js'
import { type MongodbClient, type MongodbStorageOptions, mongodbStorage } from '../../../src/storage/mongodb/index.js'
import type { RecordValue, SetResult, Storage, Write, WriteSet } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'

const HOUR_MS = 3_600_000
let versions = 0

/** A write that creates, or changes what has the version `expect`. */
export function leave(id: string, value: RecordValue, expect: string | null = null, kind = 'item'): Write {
  return { kind, id, expect, leave: { version: `v${++versions}`, value } }
}

/** A set of these writes that has an hour to arrive. */
export function setOf(...writes: Write[]): WriteSet {
  return { writes, notAfter: Date.now() + HOUR_MS }
}

/** Commits one set. */
export async function commit(storage: Storage, ...writes: Write[]): Promise<SetResult | undefined> {
  return (await storage.commit([setOf(...writes)])).results[0]
}

/** Commits until the storage says what became of the sets, always the same ones, as the committer does. */
export async function commitAtLast(storage: Storage, sets: readonly WriteSet[], seen: string[] = []) {
  for (let tries = 0; ; tries++) {
    try {
      const { results } = await storage.commit(sets)
      if (tries > 100 || !results.some((result) => !result.applied && result.reason === 'busy')) return results
      seen.push('busy')
    } catch (error) {
      if (!isBatutaError(error) || !error.retryable || tries > 100) throw error
      seen.push(error.code)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** The ids that are there, of a kind. */
export async function idsOf(storage: Storage, index: 'ids' | 'notes' = 'ids'): Promise<string[]> {
  return (await storage.query(index, { limit: 1_000 })).records.map((record) => record.id)
}

/** The error of ours that a promise rejects with. */
export async function failure(promise: Promise<unknown>) {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (isBatutaError(thrown)) return thrown
  throw new Error(`expected an error with a code, got ${String(thrown)}`, { cause: thrown })
}

/** A storage that has been opened for the kit's records. */
export async function opened(options: MongodbStorageOptions, schema = KIT_SCHEMA): Promise<Storage> {
  const storage = mongodbStorage(options)
  await storage.open(schema)
  return storage
}

/** A client whose process stops when it is about to commit a transaction; `stopped` resolves then. */
export function stopping(live: MongoClient): { readonly client: MongodbClient; readonly stopped: Promise<void> } {
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const startSession: MongoClient['startSession'] = (options) =>
    Object.assign(live.startSession(options), {
      commitTransaction: () => {
        stop()
        return new Promise(() => {})
      },
    })
  const client = {
    connect: () => live.connect(),
    db: (name: string) => live.db(name),
    startSession,
    close: async () => {},
  }
  return { client, stopped }
}
