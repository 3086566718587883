/** How commits find the rows that they guard, change, insert, delete and tell of. */
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { Storage, Write, WriteSet } from '../../../src/storage/storage.js'
import { leave, setOf } from '../asking.js'
import { explaining, fillSql, nodesOf, type PlanNode } from './plan-support.js'
import { describePostgres, newSchema } from './support.js'

const RECORDS = 100_000
const SETS = 100
const TASK = { state: 'ready', lane: 'l', tenant: 't', rank: 1, createdAt: 1, attempts: [] }
const TURN = { nextSeq: 1, head: 1, touchedAt: 1 }

type How = 'updates' | 'inserts' | 'deletes' | 'expects'

/** Writes to records by their numbers, which know what version each has. */
function writer() {
  const versions = new Map<string, string>()
  return (how: How, kind: 'task' | 'turn', n: number): Write => {
    const id = how === 'inserts' ? `new${n}` : `m${String(n).padStart(6, '0')}`
    const expected = versions.get(`${kind}/${id}`) ?? 'v'
    if (how === 'expects') return { kind, id, expect: expected }
    if (how === 'deletes') return { kind, id, expect: expected, leave: null }
    const write = leave(id, kind === 'task' ? TASK : TURN, how === 'inserts' ? null : expected, kind)
    versions.set(`${kind}/${id}`, write.leave?.version ?? '')
    return write
  }
}

/** Batches of every sort, of records that lie far apart. */
function batchesOf(from: number, write: ReturnType<typeof writer>): Record<string, WriteSet[]> {
  const each = (make: (n: number) => Write[]) =>
    Array.from({ length: SETS }, (_, i) => setOf(...make(from + (i * RECORDS) / SETS)))
  return {
    updates: each((n) => [write('updates', 'task', n)]),
    inserts: each((n) => [write('inserts', 'task', n)]),
    'updates and inserts': each((n) => [write(n % (2 * SETS) < SETS ? 'updates' : 'inserts', 'task', n + 1)]),
    deletes: each((n) => [write('deletes', 'task', n + 2)]),
    'everything in each set': each((n) => [
      write('updates', 'task', n + 3),
      write('inserts', 'task', n + 4),
      write('deletes', 'task', n + 5),
      write('expects', 'task', n + 6),
      write('updates', 'turn', n + 3),
      write('deletes', 'turn', n + 5),
    ]),
    'a lone update': [setOf(write('updates', 'task', from + 7))],
    'a lone delete': [setOf(write('deletes', 'task', from + 8))],
  }
}

/** Sets that are refused by records that are there, or not, in the short way and the long one. */
function refusedOf(from: number): WriteSet[][] {
  const each = (make: (n: number) => Write[]) => Array.from({ length: SETS }, (_, i) => setOf(...make(from + 900 * i)))
  const [there, gone] = [(n: number) => `m${String(n).padStart(6, '0')}`, (n: number) => `gone${n}`]
  return [
    each((n) => [leave(there(n), TASK, n % 2 ? null : 'other', 'task')]),
    each((n) => [leave(gone(n), TASK, null, 'task'), leave(there(n), TASK, 'other', 'task')]),
    each((n) => [leave(gone(n), TASK, null, 'task'), { kind: 'turn', id: there(n), expect: null }]),
  ]
}

/** A session keeps the plans of statements that it saw often: here those of tables in which there was next to nothing. */
async function beginWithLittle(storage: Storage, analyze: () => Promise<unknown>): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const [a, b, turn] = [
      leave('a', TASK, null, 'task'),
      leave('b', TASK, null, 'task'),
      leave('a', TURN, null, 'turn'),
    ]
    const next = leave('a', TASK, a.leave?.version ?? '', 'task')
    await storage.commit([setOf(a)])
    if (round === 0) await analyze()
    await storage.commit([setOf(b), setOf(turn)])
    await storage.commit([setOf(next)])
    await storage.commit([setOf(leave('a', TASK, 'other', 'task'))])
    await storage.commit([setOf(leave('a', TASK, 'other', 'task'), leave('c', TASK, null, 'task'))])
    const rest = [next, b, turn].map(({ kind, id, leave: left }) => ({
      kind,
      id,
      expect: left?.version ?? '',
      leave: null,
    }))
    await storage.commit([setOf(...rest, { kind: 'task', id: 'd', expect: null })])
  }
}

/** Whether a node looks for rows in a table of records. */
function isOfRecords(node: PlanNode): boolean {
  if (!/Scan$/.test(node['Node Type']) || node['Node Type'] === 'Bitmap Heap Scan') return false
  return /^batuta_(?!meta)/.test(node['Relation Name'] ?? node['Index Name'] ?? '')
}

describePostgres(`the plans of commits at ${RECORDS} records of a kind`, ['autovacuum=off'], (server) => {
  it.each(['in a session that began when there was little', 'in a new session'])(
    'find rows by the primary key, and none but theirs, %s',
    async (session) => {
      const schema = newSchema()
      const { pool, plansOf } = explaining(server())
      const storage = postgresStorage({ pool, schema, channel: false, commandTimeoutMs: 60_000 })
      await storage.open(SCHEMA)
      if (session !== 'in a new session') await beginWithLittle(storage, () => pool.query('ANALYZE'))
      for (const kind of ['task', 'turn']) await pool.query(fillSql(schema, kind, SCHEMA.indexes, RECORDS))
      const write = writer()

      const expectByKey = async (sets: readonly WriteSet[], isApplied: boolean, about: string) => {
        const plans = await plansOf(async () => {
          const { results } = await storage.commit(sets)
          expect(results.filter(({ applied }) => applied !== isApplied).slice(0, 3), about).toEqual([])
        })
        const scans = plans.flatMap(nodesOf).filter(isOfRecords)
        expect(scans.length, about).toBeGreaterThan(0)
        for (const scan of scans) {
          expect(scan['Node Type'], about).toMatch(/^(Index|Index Only|Bitmap Index) Scan$/)
          expect(scan['Index Name'], about).toMatch(/_pkey$/)
          const rows = (scan['Actual Rows'] ?? 0) + (scan['Rows Removed by Filter'] ?? 0)
          expect(Math.ceil(rows) * (scan['Actual Loops'] ?? 0), about).toBeLessThanOrEqual(sets.length * 6)
        }
      }

      for (const [i, upkeep] of ['', 'ANALYZE', 'VACUUM ANALYZE'].entries()) {
        await pool.query(upkeep)
        for (const [name, sets] of Object.entries(batchesOf(1 + 20 * i, write))) {
          await expectByKey(sets, true, `${name} after "${upkeep}"`)
        }
        for (const [n, sets] of refusedOf(15 + 20 * i).entries()) {
          await expectByKey(sets, false, `refusals ${n} after "${upkeep}"`)
        }
      }
      await storage.close()
      await pool.end()
    },
    120_000,
  )
})
