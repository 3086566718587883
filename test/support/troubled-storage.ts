import { BatutaError, memoryStorage, type Storage, type StorageSchema, type WriteSet } from 'batuta'
import type { VirtualClock } from 'batuta/testing'
import { passing } from './passing-storage.js'

export const away = () => new BatutaError('STORAGE_UNAVAILABLE', 'Away.', { data: { storage: 'test' } })
export const readOnly = () => new BatutaError('STORAGE_READONLY', 'Read-only.', { data: { storage: 'test' } })
export const refused = () => new BatutaError('STORAGE_REFUSED', 'Refused.', { data: { storage: 'test' } })

interface Trouble {
  /** What a commit of these sets fails with. */
  of?: ((sets: readonly WriteSet[]) => Error | undefined) | undefined
  reads?: (() => Error) | undefined
  /** How often it was closed. */
  closed: number
}

/** A storage in memory that claims to be durable, and fails as it is told: commits, and where `reads` is set all else too. */
export function troubledStorage(clock: VirtualClock) {
  const inner = memoryStorage({ now: () => clock.now() })
  const trouble: Trouble = { closed: 0 }
  const orFail = async <T>(call: () => Promise<T>): Promise<T> => {
    if (trouble.reads !== undefined) throw trouble.reads()
    return call()
  }
  const storage: Storage = {
    ...passing(inner),
    name: 'test',
    durable: true,
    outcomeAlwaysKnown: false,
    open: (schema: StorageSchema) => inner.open(schema),
    read: (keys) => orFail(() => inner.read(keys)),
    query: (index, query) => orFail(() => inner.query(index, query)),
    count: (index, range) => orFail(() => inner.count(index, range)),
    async commit(sets) {
      const error = trouble.of?.(sets)
      if (error !== undefined) throw error
      return inner.commit(sets)
    },
    async close() {
      trouble.closed++
      return inner.close()
    },
  }
  return { storage, inner, trouble }
}
