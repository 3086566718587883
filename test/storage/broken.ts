import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type {
  IndexKey,
  QueryAnswer,
  SetResult,
  Storage,
  StoredRecord,
  Write,
  WriteSet,
} from '../../src/storage/storage.js'
import { runStorageCase, storageConformanceCases } from '../../src/testing/storage-conformance/index.js'
import { passing } from '../support/passing-storage.js'

/** What a broken storage does in its own way; the rest is the memory storage's. */
export type Defect = (inner: Storage) => Partial<Storage>

/** Defects by name, each with the cases of the kit that notice it. */
export type Defects = Readonly<Record<string, { readonly defect: Defect; readonly cases: readonly string[] }>>

/** A storage with a defect. It answers with records where keys are asked for, unless that is what it does wrong. */
export function withDefect(defect: Defect, inner: Storage): Storage {
  const plain: Storage = {
    ...passing(inner),
    query: (index, query) => inner.query(index, { ...query, keysOnly: false }),
  }
  return { ...plain, ...defect(plain), ...(keyDefects.has(defect) && defect(inner)) }
}

const keyDefects = new Set<Defect>()

/** A storage that does something to the keys that it answers with. */
export function changingKeys(
  change: (answer: QueryAnswer & { readonly keys: readonly IndexKey[] }) => Partial<QueryAnswer>,
): Defect {
  const defect: Defect = (inner) => ({
    async query(index, query) {
      const answer = await inner.query(index, query)
      const { keys } = answer
      return keys === undefined ? answer : { ...answer, ...change({ ...answer, keys }) }
    },
  })
  keyDefects.add(defect)
  return defect
}

/**
 * The names of these cases that a storage with the defect fails.
 * @param make - a sound and empty storage.
 */
export async function caught(
  defect: Defect,
  names: readonly string[],
  make: () => Storage = memoryStorage,
): Promise<string[]> {
  const failed: string[] = []
  for (const name of names) {
    const found = storageConformanceCases.filter((one) => `${one.topic}: ${one.name}` === name)
    if (found.length !== 1) throw new Error(`The kit has ${found.length} cases named "${name}".`)
    for (const one of found) {
      const inner = make()
      const storage = withDefect(defect, inner)
      const create = async () => ({ storage, reopen: async () => storage, dispose: () => inner.close() })
      await runStorageCase(one, create).catch(() => failed.push(name))
    }
  }
  return failed
}

/** A storage that changes its sets before it looks at them. */
export function changingSets(change: (set: WriteSet, inner: Storage) => Promise<WriteSet> | WriteSet): Defect {
  return (inner) => ({
    commit: async (sets) => inner.commit(await Promise.all(sets.map((set) => change(set, inner)))),
  })
}

/** A storage that changes what it answers to a query. */
export function changingRecords(change: (records: readonly StoredRecord[]) => StoredRecord[]): Defect {
  return (inner) => ({
    async query(index, query) {
      const answer = await inner.query(index, query)
      return { ...answer, records: change(answer.records) }
    },
  })
}

/** A storage that changes what it answers to a commit. */
export function changingResults(change: (result: SetResult, set: WriteSet) => SetResult): Defect {
  return (inner) => ({
    async commit(sets) {
      const answer = await inner.commit(sets)
      return { ...answer, results: answer.results.map((result, i) => change(result, sets[i] as WriteSet)) }
    },
  })
}

/** A set with each write changed. */
export function mapWrites(set: WriteSet, change: (write: Write) => Write): WriteSet {
  return { ...set, writes: set.writes.map(change) }
}
