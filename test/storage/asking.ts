import type { RecordValue, SetResult, Storage, Write, WriteSet } from '../../src/storage/storage.js'

let versions = 0

/** A write that creates, or changes what has the version `expect`. */
export function leave(id: string, value: RecordValue, expect: string | null = null, kind = 'item'): Write {
  return { kind, id, expect, leave: { version: `v${++versions}`, value } }
}

/** A set that is never late. */
export function setOf(...writes: Write[]): WriteSet {
  return { writes, notAfter: Number.MAX_SAFE_INTEGER }
}

/** Commits one set of these writes. */
export async function commit(storage: Storage, ...writes: Write[]): Promise<SetResult | undefined> {
  return (await storage.commit([setOf(...writes)])).results[0]
}

/** The ids that an index holds, in its order. */
export async function ids(storage: Storage, index = 'ids'): Promise<string[]> {
  return (await storage.query(index, { limit: 1_000 })).records.map((record) => record.id)
}

/** The error that a promise rejects with. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code?: string; message: string; retryable?: boolean; data?: object; cause?: unknown }> {
  try {
    await promise
  } catch (error) {
    return error as { code?: string; message: string; retryable?: boolean; data?: object; cause?: unknown }
  }
  throw new Error('expected a rejection')
}

/** Asks again until it is so. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isSo: (answer: T) => boolean,
  limitMs = 20_000,
): Promise<T> {
  const until = Date.now() + limitMs
  for (;;) {
    const answer = await Promise.resolve()
      .then(ask)
      .catch((error: unknown) => error as T)
    if (isSo(answer)) return answer
    if (Date.now() > until) throw new Error(`still ${JSON.stringify(answer)} (${answer}) after ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A storage that is not there for a moment: asks until it answers. */
export async function recovered(storage: Storage): Promise<void> {
  await eventually(
    () => storage.read([]),
    (answer) => !(answer instanceof Error),
  )
}
