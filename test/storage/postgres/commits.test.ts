/** Commits of sets with one write each, which change rows as they lock them, against others on the same rows; and of many sets. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, it } from 'vitest'
import type { Write } from '../../../src/storage/storage.js'
import { leave, setOf } from '../asking.js'
import { describePostgres, newSchema, opened, watched } from './support.js'

describePostgres('commits of single writes', [], (server) => {
  it.each(['an update', 'an insertion'])('take %s back when a lock came too late', async (what) => {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema })
    const isUpdate = what === 'an update'
    const names = ['a', 'b', 'c'].map((id) => leave(id, { at: 1 }))
    const held = names.slice(0, isUpdate ? 3 : 1)
    await storage.commit(held.map((write) => setOf(write)))
    const versionOf = (i: number) => (isUpdate || i === 0 ? (names[i]?.leave?.version ?? null) : null)
    const { now } = await storage.read([])
    const results = await server().admin(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT FROM ${schema}.batuta_item WHERE id = 'a' FOR UPDATE`)
      const committing = storage.commit([
        setOf(leave('a', { at: 2 }, versionOf(0))),
        { ...setOf(leave('b', { at: 2 }, versionOf(1))), notAfter: now + 300 },
        setOf(leave('c', { at: 2 }, versionOf(2))),
      ])
      await sleep(600)
      await client.query('COMMIT')
      return (await committing).results
    })
    expect(results.map((result) => (result.applied ? 'applied' : result.reason))).toEqual([
      'applied',
      'late',
      'applied',
    ])
    const { records } = await storage.read(names)
    expect(records.map((record) => record?.value)).toEqual([{ at: 2 }, isUpdate ? { at: 1 } : undefined, { at: 2 }])
    await storage.close()
  })

  it('have one winner for each record, and never wait for each other in a circle', async () => {
    const schema = newSchema()
    const [a, b] = [
      await opened({ connectionString: server().url, schema }),
      await opened({ connectionString: server().url, schema }),
    ]
    const ids = Array.from({ length: 100 }, (_, i) => `r${String(i).padStart(3, '0')}`)
    let versions: (string | null)[] = ids.map(() => null)
    for (let round = 0; round < 15; round++) {
      const writesOf = (at: number) => ids.map((id, i) => leave(id, { at, round }, versions[i] ?? null))
      const [mine, others] = [writesOf(1), writesOf(2)]
      const [first, second] = await Promise.all([
        a.commit(mine.map((write) => setOf(write))),
        b.commit([...others].reverse().map((write) => setOf(write))),
      ])
      const { records } = await a.read(mine)
      const won = records.map((record, i) => {
        const winner = first.results[i]?.applied ? mine[i] : others[i]
        expect(first.results[i]?.applied).toBe(!second.results[ids.length - 1 - i]?.applied)
        expect(record?.version).toBe(winner?.leave?.version)
        return record?.version ?? null
      })
      versions = won
    }
    await a.close()
    await b.close()
  }, 60_000)

  it.each(['a set of its own', 'a set of two'])(
    'of a record that is there already, sent again in %s, do not wait for who changes it',
    async (how) => {
      const schema = newSchema()
      const [one, other] = [
        await opened({ connectionString: server().url, schema }),
        await opened({ connectionString: server().url, schema }),
      ]
      const made = ['a', 'b', 'c'].map((id) => leave(id, { at: 1 }))
      await one.commit(made.map((write) => setOf(write)))
      const changed = (at: number) => made.map(({ id, leave: left }) => leave(id, { at }, left?.version ?? null))
      const [a, , c] = [made[0] as Write, made[1] as Write, changed(3)[2] as Write]
      const again = how === 'a set of two' ? [setOf(a, leave('n', { at: 1 }, null, 'note'))] : [setOf(a)]
      const both = await server().admin(async (client) => {
        await client.query('BEGIN')
        await client.query(`SELECT FROM ${schema}.batuta_item WHERE id = 'b' FOR UPDATE`)
        // It has changed a, waits for b, and goes on to c.
        const changing = one.commit(changed(2).map((write) => setOf(write)))
        await sleep(300)
        const sending = other.commit([...again, setOf(c)])
        await sleep(300)
        await client.query('COMMIT')
        return await Promise.all([changing, sending])
      })
      const told = both.map(({ results }) => results.map(({ applied }) => applied))
      expect(told).toEqual([
        [true, true, false],
        [how === 'a set of its own', true],
      ])
      await one.close()
      await other.close()
    },
    60_000,
  )
})

describePostgres('a commit of many sets', [], (server) => {
  it('of every sort is one statement, and so one round trip', async () => {
    const inner = new pg.Pool({ connectionString: server().url, max: 2 })
    const { pool, asked } = watched(inner)
    const storage = await opened({ pool, channel: false })
    const there = Array.from({ length: 500 }, (_, n) => leave(`r${n}`, { at: n }))
    expect((await storage.commit(there.map((write) => setOf(write)))).results.every(({ applied }) => applied)).toBe(
      true,
    )
    const makers: ((id: string, expect: string) => Write[])[] = [
      (id) => [leave(`new ${id}`, { at: 1 })],
      (id, expect) => [leave(id, { at: 2 }, expect)],
      (id, expect) => [{ kind: 'item', id, expect, leave: null }],
      (id, expect) => [{ kind: 'item', id, expect }],
      (id) => [{ kind: 'item', id: `no ${id}`, expect: null }],
      (id, expect) => [
        leave(id, { at: 3 }, expect),
        leave(id, { at: 3 }, null, 'note'),
        { kind: 'item', id: `no ${id}`, expect: null },
      ],
      (id, expect) => [{ kind: 'item', id, expect, leave: null }, leave(`new ${id}`, { at: 4 })],
      (id) => [leave(id, { at: 5 }, 'other'), leave(id, { at: 5 }, null, 'note')],
    ]
    const sets = there.map(({ id, leave: left }, n) =>
      setOf(...(makers[n % makers.length]?.(id, left?.version ?? '') ?? [])),
    )
    asked.length = 0
    const { results } = await storage.commit(sets)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.text).toMatch(/^SELECT \* FROM .*batuta_commit_/)
    expect(results.map(({ applied }) => applied)).toEqual(sets.map((_, n) => n % makers.length !== makers.length - 1))
    const { records } = await storage.read(there)
    const at = records.map((record) => (record?.value as { at?: number } | undefined)?.at)
    expect(at).toEqual(there.map((_, n) => [n, 2, undefined, n, n, 3, undefined, n][n % makers.length]))
    await storage.close()
    await inner.end()
  })
})
