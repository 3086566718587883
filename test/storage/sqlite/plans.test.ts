import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import type { IndexDefinition, IndexRange, KeyPart } from '../../../src/storage/storage.js'
import { betterSqliteLoads, watched } from './support.js'

/** A key of this many parts. */
function parts({ fields }: IndexDefinition, length: number): KeyPart[] {
  return fields.slice(0, length).map(({ type }) => (type === 'number' ? 5 : 'm'))
}

/** Ranges of every shape. */
function rangesOf(index: IndexDefinition): IndexRange[] {
  const lengths = index.fields.map((_, i) => i + 1)
  return lengths.flatMap((length) => {
    const prefix = parts(index, length - 1)
    const bound = parts(index, length)
    const whole = parts(index, index.fields.length)
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
}

describe.runIf(betterSqliteLoads)('every query of the schema walks its own index', () => {
  for (const index of SCHEMA.indexes) {
    it(index.name, async () => {
      const database = new Database(':memory:')
      const statements = new Set<string>()
      const storage = sqliteStorage({
        database: watched(database, (sql) => {
          if (sql.includes('INDEXED BY')) statements.add(sql)
        }),
      })
      await storage.open(SCHEMA)
      for (const range of rangesOf(index)) {
        for (const order of ['asc', 'desc'] as const) await storage.query(index.name, { ...range, order, limit: 10 })
        await storage.count(index.name, range)
      }
      expect(statements.size).toBeGreaterThan(5)
      for (const sql of statements) {
        const values = [...sql.matchAll(/\?/g)].map(() => 1)
        const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]
        const plan = rows.map((row) => row.detail).join('; ')
        // A search by bounds, never a scan, and never a sort of what was found.
        expect(plan, sql).toMatch(
          new RegExp(`SEARCH batuta_\\w+ USING (COVERING )?INDEX batuta_${index.kind}_${index.name} \\(`),
        )
        expect(plan, sql).not.toMatch(/TEMP B-TREE|SCAN batuta_/)
      }
      await storage.close()
      database.close()
    })
  }

  it('uses every bound: after [lane, tenant, rank, id] under a prefix starts where it says', async () => {
    const database = new Database(':memory:')
    let last = ''
    const storage = sqliteStorage({
      database: watched(database, (sql) => {
        last = sql
      }),
    })
    await storage.open(SCHEMA)
    await storage.query('ready', { prefix: ['l', 't'], after: ['l', 't', 5, 'x'], upTo: ['l', 't', 9], limit: 1 })
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${last}`).all('l', 't', 5, 'x', 9, 1) as { detail: string }[]
    expect(rows[0]?.detail).toContain('(ready_lane=? AND ready_tenant=? AND (ready_rank,id)>(?,?) AND ready_rank<?)')
    database.close()
  })
})
