import { readFileSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import { MongoMemoryReplSet } from 'mongodb-memory-server-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongodbLayoutCommands, mongodbStorage } from '../../../src/storage/mongodb/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import { whyNoFaults } from '../../support/mongodb-server.js'
import { commit, commitAtLast, failure, leave, opened, setOf, stopping } from './support.js'

const guide = readFileSync(new URL('../../../docs/storage-mongodb.md', import.meta.url), 'utf8')
const MIGRATING = ['createIndex', 'dropIndex']

/** The actions that the guide says are enough. */
function actionsInGuide(): string[] {
  const list = /actions: \[([^\]]+)\]/.exec(guide)?.[1] ?? ''
  return [...list.matchAll(/'(\w+)'/g)].map(([, action]) => String(action))
}

let server: MongoMemoryReplSet
let admin: MongoClient

/** A user that may do this and no more, on a database of its own; its uri. */
async function newUser(database: string, actions: readonly string[]): Promise<string> {
  const privileges = [{ resource: { db: database, collection: '' }, actions }]
  const db = admin.db(database)
  await db.command({ createRole: 'batuta', roles: [], privileges })
  await db.command({ createUser: 'app', pwd: 'secret', roles: ['batuta'] })
  return server.getUri(database).replace('mongodb://', 'mongodb://app:secret@')
}

/** Every kind of call that the library makes. */
async function useAll(uri: string, migrate: boolean): Promise<void> {
  const storage = mongodbStorage({ uri, migrate })
  await storage.open(SCHEMA)
  const [turn, owner] = [leave('t', {}, null, 'permit'), leave('o', {}, null, 'owner')]
  expect(await commit(storage, turn)).toEqual({ applied: true })
  expect(await commit(storage, owner, { kind: 'permit', id: 'none', expect: null })).toEqual({ applied: true })
  const gone = { kind: 'permit', id: 't', expect: turn.leave?.version ?? '', leave: null }
  const guard = { kind: 'owner', id: 'o', expect: owner.leave?.version ?? '' }
  expect(await commit(storage, gone, guard)).toEqual({ applied: true })
  expect((await storage.query('owners', { limit: 5 })).records.length).toBe(1)
  expect((await storage.count('owners', {})).count).toBe(1)
  await storage.close()
}

describe.skipIf(whyNoFaults)('a MongoDB user with the smallest role of the guide', () => {
  beforeAll(async () => {
    server = await MongoMemoryReplSet.create({
      replSet: { count: 1, storageEngine: 'wiredTiger', auth: { enable: true } },
    })
    const { customRootName, customRootPwd } = {
      customRootName: 'mongodb-memory-server-root',
      customRootPwd: 'rootuser',
    }
    admin = new MongoClient(server.getUri(), { auth: { username: customRootName, password: customRootPwd } })
    await admin.connect()
  }, 60_000)
  afterAll(async () => {
    await admin.close()
    await server.stop()
  })

  it('can make the store and do all that the library does', async () => {
    await useAll(await newUser('whole', actionsInGuide()), true)
  })

  it('can do all but make it without the last two actions', async () => {
    const actions = actionsInGuide()
    expect(actions.slice(-2)).toEqual(MIGRATING)
    const uri = await newUser('small', actions.slice(0, -2))
    expect(await failure(mongodbStorage({ uri }).open(SCHEMA))).toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      retryable: false,
    })
    await admin.db('small').dropDatabase()
    for (const command of mongodbLayoutCommands()) await admin.db('small').command(command)
    await useAll(uri, false)
  })

  it('needs each of the others', async () => {
    const actions = actionsInGuide().slice(0, -2)
    for (const [n, missing] of actions.entries()) {
      const database = `less${n}`
      const uri = await newUser(
        database,
        actions.filter((action) => action !== missing),
      )
      for (const command of mongodbLayoutCommands()) await admin.db(database).command(command)
      await expect(useAll(uri, false), missing).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    }
  }, 60_000)

  it('can end what another process of the same user left open', async () => {
    const uri = await newUser('left', actionsInGuide())
    const live = new MongoClient(uri)
    const { client, stopped } = stopping(live)
    const dying = await opened({ client, database: 'left', commandTimeoutMs: 30_000 }, SCHEMA)
    const storage = await opened({ uri }, SCHEMA)
    const before = leave('o', {}, null, 'owner')
    await commit(storage, before)
    const expected = before.leave?.version ?? ''
    void dying.commit([setOf(leave('o', {}, expected, 'owner'), leave('p', {}, null, 'permit'))]).catch(() => undefined)
    await stopped
    const began = performance.now()
    expect(await commitAtLast(storage, [setOf(leave('o', {}, expected, 'owner'))])).toEqual([{ applied: true }])
    expect(performance.now() - began).toBeLessThan(10_000)
    await storage.close()
    await live.close()
  }, 20_000)

  it('is told so when its password is wrong', async () => {
    const uri = (await newUser('wrong', actionsInGuide())).replace(':secret@', ':other@')
    const error = await failure(mongodbStorage({ uri }).open(SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).not.toContain('other')
  })
})
