/** Roles with the rights that the guide says are enough, and no others. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { Storage } from '../../../src/storage/storage.js'
import { commit, failure, leave } from '../asking.js'
import { heard } from '../channel-cases.js'
import { describePostgres, newSchema } from './support.js'

const guide = readFileSync(new URL('../../../docs/storage-postgres.md', import.meta.url), 'utf8')
const chapter = /^## Privileges$([\s\S]*?)^## /m.exec(guide)?.[1] ?? ''
/** The statements of the guide, block by block. */
const [creating = [], using = []] = [...chapter.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, block]) =>
  [...(block ?? '').matchAll(/^([A-Z][^;]*);/gm)].map(([, statement]) => statement ?? ''),
)

const task = (id: string, expect: string | null = null) => leave(id, { state: 'x', createdAt: 1 }, expect, 'task')

/** Every kind of call that the library makes. */
async function useAll(storage: Storage): Promise<void> {
  const [first, other] = [task('a'), task('b')]
  expect(await commit(storage, first)).toEqual({ applied: true })
  expect(await commit(storage, other, { kind: 'task', id: 'none', expect: null })).toEqual({ applied: true })
  expect(await commit(storage, task('a', first.leave?.version))).toEqual({ applied: true })
  const gone = { kind: 'task', id: 'b', expect: other.leave?.version ?? '', leave: null }
  expect(await commit(storage, gone, leave('o', { startedAt: 1 }, null, 'owner'))).toEqual({ applied: true })
  expect((await storage.read([{ kind: 'task', id: 'a' }])).records).toHaveLength(1)
  expect((await storage.query('listed', { limit: 5 })).records).toHaveLength(1)
  expect((await storage.query('listed', { limit: 5, keysOnly: true })).keys).toHaveLength(1)
  expect((await storage.count('owners', {})).count).toBe(1)
  const channel = storage.channel?.()
  const texts: string[] = []
  channel?.subscribe((text) => texts.push(text))
  if (channel !== undefined) await heard(channel, texts, 'hello')
}

describePostgres('a role with the rights of the guide', [], (server) => {
  /** A role of its own on an empty database of its own. */
  async function newRole() {
    const name = newSchema()
    await server().admin(async (client) => {
      await client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'app'`)
      await client.query(`CREATE DATABASE ${name}`)
    })
    const inDatabase = server().url.replace(/\/postgres$/, `/${name}`)
    const connectionString = inDatabase.replace('postgres:password@', `${name}:app@`)
    return {
      run: (statements: readonly string[]) =>
        server().admin(async (client) => {
          for (const text of statements) {
            await client.query(text.replace('DATABASE app', `DATABASE ${name}`).replace(/ app$/, ` ${name}`))
          }
        }, inDatabase),
      open: async (migrate: boolean, layout = SCHEMA.layout) => {
        const storage = postgresStorage({ connectionString, migrate, openTimeoutMs: 2_000 })
        await storage.open({ ...SCHEMA, layout })
        return storage
      },
      remove: () =>
        server().admin(async (client) => {
          await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
          await client.query(`DROP ROLE ${name}`)
        }),
    }
  }

  it('finds them there', () => {
    expect(creating.map((statement) => /^\w+ \w+/.exec(statement)?.[0])).toEqual(['GRANT CREATE', 'CREATE SCHEMA'])
    expect(using.map((statement) => /^\w+ \w+/.exec(statement)?.[0])).toEqual(['GRANT USAGE', 'GRANT SELECT'])
  })

  it.each(creating)('makes the store on an empty database, and the next layout: %s', async (statement) => {
    const { run, open, remove } = await newRole()
    expect(await failure(open(true))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    await run([statement])
    const storage = await open(true)
    await useAll(storage)
    await storage.close()
    const next = await open(true, SCHEMA.layout + 1)
    expect((await next.count('listed', {})).count).toBe(1)
    await next.close()
    await remove()
  })

  it('uses a store that its owner has made, and changes nothing there', async () => {
    const { run, open, remove } = await newRole()
    await run([postgresDdl(), ...using])
    const storage = await open(true)
    await useAll(storage)
    await storage.close()
    const error = await failure(open(true, SCHEMA.layout + 1))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain('forbids')
    await (await open(false)).close()
    await remove()
  })
})
