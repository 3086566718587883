import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import type { IndexDefinition, IndexRange, KeyPart, Storage } from '../../../src/storage/storage.js'
import { betterSqliteLoads, commit, leave, watched } from './support.js'

const RECORDS = 100_000

/** A key of this many parts, about in the middle of what is there. */
function parts({ fields }: IndexDefinition, length: number): KeyPart[] {
  return fields.slice(0, length).map(({ type }, at) => {
    if (at < fields.length - 2) return 'm2'
    return type === 'number' ? RECORDS / 2 : `m${RECORDS / 2}`
  })
}

/** Ranges of every shape. */
function rangesOf(index: IndexDefinition): IndexRange[] {
  const whole = parts(index, index.fields.length)
  const shaped = index.fields.flatMap((_, i) => {
    const prefix = parts(index, i)
    const bound = parts(index, i + 1)
    return [
      { prefix: bound },
      { after: bound },
      { upTo: bound },
      { prefix, after: bound },
      { prefix, after: whole },
      { prefix, upTo: bound },
      { prefix, after: whole, upTo: bound },
    ]
  })
  return [{}, ...shaped]
}

/** Fills a table behind the storage's back: record n is in every index, about as far in as it is in the table. */
function fillSql(kind: string): string {
  const columns: string[] = []
  const values: string[] = []
  for (const index of SCHEMA.indexes.filter((one) => one.kind === kind)) {
    index.fields.forEach(({ name, type }, at) => {
      if (at > 0 && name === 'id') return
      columns.push(`"${index.name}_${name}"`)
      values.push(type === 'number' ? 'n' : at < index.fields.length - 2 ? `'m' || n % 5` : `'m' || n`)
    })
  }
  return `WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ${RECORDS})
    INSERT INTO batuta_${kind} (id, version, value, ${columns.join(', ')})
    SELECT 'm' || n, 'v', '{}', ${values.join(', ')} FROM numbers`
}

describe.runIf(betterSqliteLoads)(`plans at ${RECORDS} records of a kind`, () => {
  let database: Database
  let storage: Storage
  /** What was prepared since it was cleared. */
  const statements = new Set<string>()

  beforeAll(async () => {
    database = new Database(':memory:')
    storage = sqliteStorage({ database: watched(database, (sql) => statements.add(sql)) })
    await storage.open(SCHEMA)
    database.exec('BEGIN')
    for (const kind of new Set(SCHEMA.indexes.map((index) => index.kind))) database.exec(fillSql(kind))
    database.exec('COMMIT')
  }, 60_000)
  afterAll(async () => {
    await storage.close()
    database.close()
  })

  /** How a statement would be carried out, as SQLite says it. */
  function planOf(sql: string, values: (string | number)[] = [...sql.matchAll(/\?/g)].map(() => 1)): string {
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]
    return rows.map((row) => row.detail).join('; ')
  }

  describe.each([
    ['as they were filled', ''],
    ['that were analyzed', 'ANALYZE'],
  ])('of tables %s', (_, upkeep) => {
    beforeAll(() => void database.exec(upkeep))

    for (const index of SCHEMA.indexes) {
      it(`every query of ${index.name} walks its own index`, async () => {
        statements.clear()
        const fresh = sqliteStorage({ database: watched(database, (sql) => statements.add(sql)) })
        await fresh.open(SCHEMA)
        for (const range of rangesOf(index)) {
          for (const order of ['asc', 'desc'] as const) await fresh.query(index.name, { ...range, order, limit: 10 })
          await fresh.query(index.name, { ...range, keysOnly: true, limit: 10 })
          await fresh.count(index.name, range)
        }
        const asked = [...statements].filter((sql) => sql.includes('INDEXED BY'))
        expect(asked.length).toBeGreaterThan(5)
        for (const sql of asked) {
          const plan = planOf(sql)
          // A search by bounds, never a scan, and never a sort of what was found.
          expect(plan, sql).toMatch(
            new RegExp(`SEARCH batuta_\\w+ USING (COVERING )?INDEX batuta_${index.kind}_${index.name} \\(`),
          )
          expect(plan, sql).not.toMatch(/TEMP B-TREE|SCAN batuta_/)
          // What needs no value reads no record.
          if (!sql.includes('value')) expect(plan, sql).toContain('COVERING')
        }
        await fresh.close()
      })
    }

    it('every read and write finds its record by the id', async () => {
      statements.clear()
      const fresh = sqliteStorage({ database: watched(database, (sql) => statements.add(sql)) })
      await fresh.open(SCHEMA)
      const ready = { state: 'ready', lane: 'l', tenant: 't', rank: 1, createdAt: 1, attempts: [] }
      const ended = { state: 'completed', createdAt: 1, endedAt: 2, attempts: [] }
      const task = (id: string, value: object, expected: string | null) => leave(id, value, expected, 'task')
      const [first, second] = [task(`a${upkeep}`, ready, null), task(`b${upkeep}`, ended, null)]
      const version = (write: typeof first) => write.leave?.version ?? ''
      expect(await commit(fresh, first, second)).toEqual({ applied: true })
      const next = task(first.id, ended, version(first))
      expect(await commit(fresh, next)).toEqual({ applied: true })
      expect(await commit(fresh, task('m77', ready, 'v'))).toEqual({ applied: true })
      expect(await commit(fresh, task('m77', ready, 'v'))).toMatchObject({ applied: false })
      const expected = { kind: 'task', id: second.id, expect: version(second) }
      const removed = { kind: 'task', id: first.id, expect: version(next), leave: null }
      expect(await commit(fresh, removed, expected)).toEqual({ applied: true })
      await fresh.read([{ kind: 'task', id: 'm78' }])
      database.exec("UPDATE batuta_task SET version = 'v' WHERE id = 'm77'")

      const about = [...statements].filter((sql) => /^(SELECT|UPDATE|DELETE).*"batuta_task"/.test(sql))
      expect(about.map((sql) => /^\w+/.exec(sql)?.[0]).sort()).toEqual([
        'DELETE',
        'SELECT',
        'SELECT',
        'UPDATE',
        'UPDATE',
      ])
      for (const sql of about) {
        expect(planOf(sql), sql).toBe('SEARCH batuta_task USING INDEX sqlite_autoindex_batuta_task_1 (id=?)')
      }
      // An insertion looks for nothing.
      const inserts = [...statements].filter((sql) => /^INSERT INTO "batuta_task"/.test(sql))
      expect(inserts).toHaveLength(2)
      for (const sql of inserts) expect(planOf(sql), sql).toBe('')
      await fresh.close()
    })
  })

  it('uses every bound: after [lane, tenant, rank, id] under a prefix starts where it says', async () => {
    statements.clear()
    await storage.query('ready', { prefix: ['l', 't'], after: ['l', 't', 5, 'x'], upTo: ['l', 't', 9], limit: 1 })
    const [sql] = [...statements]
    expect(planOf(sql as string, ['l', 't', 5, 'x', 9, 1])).toContain(
      '(ready_lane=? AND ready_tenant=? AND (ready_rank,id)>(?,?) AND ready_rank<?)',
    )
  })
})
