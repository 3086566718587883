import type { IndexDefinition, IndexKey, IndexQuery, Storage, StoredRecord, Write } from '../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../src/testing/storage-conformance/schema.js'
import { changingKeys, changingRecords, type Defect, type Defects } from './broken.js'

const RANDOM = 'random: behaves as a map and a sort do'

function keyOf(index: string, record: StoredRecord): IndexKey {
  const definition = KIT_SCHEMA.indexes.find((one) => one.name === index) as IndexDefinition
  return definition.key(record.value, record.id) ?? []
}

/** A storage that changes queries before it looks at them. */
function changingQuery(change: (query: IndexQuery, index: string) => IndexQuery): Defect {
  return (inner) => ({ query: async (index, query) => inner.query(index, change(query, index)) })
}

/** Answers of the moment before the last commit. */
const stale =
  (method: 'read' | 'query'): Defect =>
  (inner) => {
    let pending: readonly Write[] = []
    const earlier = new Map<string, StoredRecord | undefined>()
    const before = (record: StoredRecord): StoredRecord[] => {
      const key = `${record.kind}/${record.id}`
      const old = earlier.get(key)
      return earlier.has(key) ? (old === undefined ? [] : [old]) : [record]
    }
    return {
      async commit(sets) {
        pending = sets.flatMap((set) => set.writes)
        const { records } = await inner.read(pending)
        earlier.clear()
        for (const [i, { kind, id }] of pending.entries()) earlier.set(`${kind}/${id}`, records[i])
        return inner.commit(sets)
      },
      ...(method === 'read' && {
        read: async (keys) => {
          const answer = await inner.read(keys)
          return {
            ...answer,
            records: answer.records.map((record) => (record === undefined ? record : before(record)[0])),
          }
        },
      }),
      ...(method === 'query' && {
        query: async (index, query) => {
          const answer = await inner.query(index, query)
          return { ...answer, records: answer.records.flatMap(before) }
        },
      }),
    }
  }

/** Sorts in its own way; right in everything else. */
const sorted =
  (compare: (a: string, b: string) => number): Defect =>
  (inner) => ({
    async query(index, query) {
      const answer = await inner.query(index, query)
      const side = query.order === 'desc' ? -1 : 1
      const text = (record: StoredRecord) => keyOf(index, record).join(' ')
      return { ...answer, records: [...answer.records].sort((a, b) => compare(text(a), text(b)) * side) }
    },
  })

const byUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Records that were deleted or moved stay where they were. */
const keepingIndex =
  (of: (write: Write) => boolean): Defect =>
  (inner) => {
    const ghosts: StoredRecord[] = []
    return {
      async commit(sets) {
        const writes = sets.flatMap((set) => set.writes).filter(of)
        const { records } = await inner.read(writes)
        ghosts.push(...records.filter((record) => record !== undefined))
        return inner.commit(sets)
      },
      async query(index, query) {
        const answer = await inner.query(index, query)
        const here = ghosts.filter((ghost) => keyOf(index, ghost).length > 0 && ghost.kind === kindOf(index))
        return {
          ...answer,
          records: [...here, ...answer.records].sort((a, b) => Number(keyOf(index, a)[0]) - Number(keyOf(index, b)[0])),
        }
      },
    }
  }

function kindOf(index: string): string | undefined {
  return KIT_SCHEMA.indexes.find((one) => one.name === index)?.kind
}

const withoutFirst = (inner: Storage, rest: (index: string, query: IndexQuery) => ReturnType<Storage['query']>) => ({
  query: async (index: string, query: IndexQuery) =>
    query.cursor === undefined ? inner.query(index, query) : rest(index, query),
})

/** What a storage may do wrong with queries, and the cases of the kit that notice. */
export const QUERY_DEFECTS: Defects = {
  'a stale read': { defect: stale('read'), cases: ['read: sees every commit that was answered'] },
  'a stale query': {
    defect: stale('query'),
    cases: ['read: sees every commit that was answered', 'index: shows the new value of a record whose key stays'],
  },
  'reads in another order': {
    defect: (inner) => ({
      async read(keys) {
        const answer = await inner.read(keys)
        return {
          ...answer,
          records: [...answer.records].sort((a, b) => Number(a === undefined) - Number(b === undefined)),
        }
      },
    }),
    cases: ['read: answers in the order of the keys, with gaps, repeats and other kinds'],
  },
  'numbers sorted as texts': { defect: sorted(byUnits), cases: ['order: sorts numbers as numbers', RANDOM] },
  'texts sorted by UTF-16 units': { defect: sorted(byUnits), cases: ['order: sorts texts by their UTF-8 bytes'] },
  'texts sorted for people': {
    defect: sorted((a, b) => a.localeCompare(b)),
    cases: ['order: sorts texts by their UTF-8 bytes'],
  },
  'an order that is ignored': {
    defect: changingQuery((query) => ({ ...query, order: 'asc' })),
    cases: ['order: sorts numbers as numbers', 'limit: answers with the first ones only', RANDOM],
  },
  'prefixes taken by letters': {
    defect: (inner) => ({
      async query(index, { prefix = [], ...query }) {
        const answer = await inner.query(index, { ...query, limit: 1_000 })
        const begins = (record: StoredRecord) => keyOf(index, record).join().startsWith(prefix.join())
        return { ...answer, records: answer.records.filter(begins).slice(0, query.limit) }
      },
    }),
    cases: ['range: takes prefixes by whole parts, not by letters'],
  },
  'an ignored prefix': {
    defect: changingQuery(({ prefix: _, ...query }) => query),
    cases: ['range: takes a prefix of any length', RANDOM],
  },
  'an `after` that is included': {
    defect: (inner) => ({
      async query(index, { after, ...query }) {
        const answer = await inner.query(index, { ...query, limit: 1_000 })
        const inside = (record: StoredRecord) =>
          after === undefined || !keyOf(index, record).some((part, i) => i === 0 && part < (after[0] ?? part))
        return { ...answer, records: answer.records.filter(inside).slice(0, query.limit) }
      },
    }),
    cases: ['range: leaves out everything that starts with `after`', 'range: joins prefix, `after` and `upTo`'],
  },
  'an `upTo` that is left out': {
    defect: (inner) => ({
      async query(index, query) {
        const answer = await inner.query(index, query)
        const { upTo } = query
        const isEnd = (record: StoredRecord) => upTo?.every((part, i) => keyOf(index, record)[i] === part)
        return { ...answer, records: answer.records.filter((record) => upTo === undefined || !isEnd(record)) }
      },
    }),
    cases: ['range: keeps everything that starts with `upTo`', 'range: joins prefix, `after` and `upTo`', RANDOM],
  },
  'a cursor that skips one': {
    defect: (inner) =>
      withoutFirst(inner, async (index, query) => {
        const answer = await inner.query(index, query)
        return { ...answer, records: answer.records.slice(1) }
      }),
    cases: ['cursor: walks a range to its end, each record once', RANDOM],
  },
  'a cursor that is ignored': {
    defect: changingQuery(({ cursor: _, ...query }) => query),
    cases: [
      'cursor: walks a range to its end, each record once',
      'cursor: goes on behind the last record, whatever happens to it',
    ],
  },
  'a cursor that counts instead of pointing': {
    defect: (inner) => ({
      async query(index, { cursor, ...query }) {
        const all = await inner.query(index, { ...query, limit: 1_000 })
        const from = Number(cursor ?? 0)
        const records = all.records.slice(from, from + query.limit)
        const next = from + query.limit
        return { now: all.now, records, ...(next < all.records.length && { cursor: String(next) }) }
      },
    }),
    cases: ['cursor: goes on behind the last record, whatever happens to it'],
  },
  'an end that is not told': {
    defect: (inner) => ({
      async query(index, query) {
        const { cursor: _, ...answer } = await inner.query(index, query)
        return answer
      },
    }),
    cases: ['cursor: walks a range to its end, each record once', 'limit: gives up to a thousand'],
  },
  'an ignored limit': {
    defect: changingQuery((query) => ({ ...query, limit: 1_000 })),
    cases: ['limit: answers with the first ones only', 'limit: refuses less than one and more than a thousand'],
  },
  'a deleted record that stays in its indexes': {
    defect: keepingIndex((write) => write.leave === null),
    cases: [
      'index: forgets a record that was deleted',
      'cursor: goes on behind the last record, whatever happens to it',
    ],
  },
  'a changed record that stays where it was': {
    defect: keepingIndex((write) => write.leave !== undefined && write.expect !== null),
    cases: ['index: moves a record whose key changes', 'index: holds a record exactly while its value has a key'],
  },
  'a record without its value': {
    defect: changingRecords((records) => records.map((record) => ({ ...record, value: {} }))),
    cases: ['values: keep fields that no index knows, in reads and in queries'],
  },
  'keys that miss one': {
    defect: changingKeys(({ keys }) => ({ keys: keys.slice(1) })),
    cases: ['order: sorts texts by their UTF-8 bytes', RANDOM],
  },
  'numbers in keys as texts': {
    defect: changingKeys(({ keys }) => ({ keys: keys.map((key) => key.map(String)) })),
    cases: ['order: sorts numbers as numbers', RANDOM],
  },
  'keys without a cursor': {
    defect: changingKeys(({ cursor: _, ...answer }) => ({ ...answer, cursor: undefined }) as never),
    cases: ['cursor: walks a range to its end, each record once'],
  },
  'keys beside records': {
    defect: changingKeys(() => ({ records: [{ kind: 'item', id: 'a', version: 'v', value: {} }] })),
    cases: ['range: takes a prefix of any length'],
  },
  'a count without end': {
    defect: (inner) => ({
      async count(index, range) {
        let count = 0
        let cursor: string | undefined
        do {
          const answer = await inner.query(index, { ...range, limit: 1_000, cursor })
          count += answer.records.length
          cursor = answer.cursor
        } while (cursor !== undefined)
        return { now: (await inner.read([])).now, count }
      },
    }),
    cases: ['count: stops at ten thousand'],
  },
  'a count of everything': {
    defect: (inner) => ({ count: (index) => inner.count(index, {}) }),
    cases: ['range: takes a prefix of any length', 'count: stops at ten thousand', RANDOM],
  },
  'a clock that goes back': {
    defect: (inner) => {
      let skewMs = 0
      return {
        async read(keys) {
          const answer = await inner.read(keys)
          skewMs += 1_000
          return { ...answer, now: answer.now - skewMs }
        },
      }
    },
    cases: ['time: never goes back'],
  },
  'an answer without time': {
    defect: (inner) => ({ count: async (index, range) => ({ ...(await inner.count(index, range)), now: Number.NaN }) }),
    cases: ['time: comes with every answer'],
  },
  'a storage that does not close': {
    defect: () => ({ close: async () => {} }),
    cases: ['close: ends all use'],
  },
  'a storage that closes once only': {
    defect: (inner) => {
      let closed = false
      return {
        async close() {
          if (closed) throw new Error('already closed')
          closed = true
          await inner.close()
        },
      }
    },
    cases: ['close: may be called twice'],
  },
}
