import { type CommandStartedEvent, MongoClient } from 'mongodb'
import { MongoMemoryReplSet } from 'mongodb-memory-server-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { whyNoFaults } from '../../support/mongodb-server.js'
import { channelOf, heard } from '../channel-cases.js'
import { commit, commitAtLast, failure, leave, opened, setOf } from './support.js'

const DATABASE = 'concerns'
/** Commands that write outside of a transaction, or make one count. */
const WRITES = ['update', 'delete', 'create', 'createIndexes', 'dropIndexes', 'commitTransaction']
/** Commands that ask. */
const READS = ['find', 'getMore', 'count', 'listIndexes', 'aggregate', 'hello']
/** Those that are part of what the driver does for itself, or say that what was begun is not wanted. */
const OTHERS = ['abortTransaction', 'killSessions', 'killCursors', 'endSessions', 'ping']

let server: MongoMemoryReplSet
let primary: string
let client: MongoClient
const started: CommandStartedEvent[] = []
/** Those from here on move the store to the next layout. */
let migratingAt = 0

/** Fails the next commands that end a transaction: the first one, which the driver repeats, and that repetition. */
async function failCommit(): Promise<void> {
  const admin = await new MongoClient(server.getUri()).connect()
  const data = { failCommands: ['commitTransaction'], closeConnection: true, appName: 'batuta' }
  await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 2 }, data })
  primary = String((await admin.db('admin').command({ hello: 1 })).primary)
  await admin.close()
}

/** Every kind of call, and what only happens when something went wrong. */
async function useAll(): Promise<void> {
  const options = { client, database: DATABASE, commandTimeoutMs: 1_500 }
  const storage = await opened(options)
  const one = leave('one', { at: 1, lane: 'l', seq: 1 })
  const sets = Array.from({ length: 300 }, (_, i) => setOf(leave(`i${i}`, { at: i })))
  await storage.commit([setOf(one), setOf(leave('two', {}), leave('two', {}, null, 'note')), ...sets])
  const expected = one.leave?.version ?? ''
  await commit(storage, { kind: 'item', id: 'one', expect: expected }, { kind: 'item', id: 'nobody', expect: null })
  await commit(storage, { kind: 'item', id: 'one', expect: expected, leave: null })
  await storage.read([{ kind: 'item', id: 'one' }])
  await storage.query('times', { limit: 1_000 })
  await storage.query('times', { limit: 10, keysOnly: true })
  await storage.count('times', {})
  await failCommit()
  const pair = setOf(leave('three', {}), leave('three', {}, null, 'note'))
  expect((await failure(storage.commit([pair]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
  expect(await commitAtLast(storage, [pair])).toEqual([{ applied: true }])
  const texts: string[] = []
  const channel = channelOf(storage)
  channel.subscribe((text) => texts.push(text))
  await heard(channel, texts, 'news')
  await storage.close()
  migratingAt = started.length
  const renamed = KIT_SCHEMA.indexes.map((index) => {
    return index.name === 'notes' ? { ...index, fields: [{ name: 'when', type: 'number' } as const] } : index
  })
  await (await opened(options, { ...KIT_SCHEMA, layout: 2, indexes: renamed })).close()
}

describe.skipIf(whyNoFaults)('a MongoDB client that reads from secondaries and waits for one member only', () => {
  beforeAll(async () => {
    server = await MongoMemoryReplSet.create({
      replSet: { count: 2, storageEngine: 'wiredTiger', args: ['--setParameter', 'enableTestCommands=1'] },
    })
    client = new MongoClient(server.getUri(), {
      appName: 'batuta',
      readPreference: 'secondary',
      readConcernLevel: 'local',
      writeConcern: { w: 1 },
      monitorCommands: true,
    })
    client.on('commandStarted', (event) => started.push(event))
    await useAll()
  }, 120_000)
  afterAll(async () => {
    await client.close()
    await server.stop()
  })

  it('does all the same everything at the primary', async () => {
    for (const { commandName, command, address } of started) {
      expect([...WRITES, ...READS, ...OTHERS]).toContain(commandName)
      expect(address, commandName).toBe(primary)
      expect(command.$readPreference, JSON.stringify(command)).toBeUndefined()
    }
  })

  it('has every write wait for a majority', () => {
    for (const name of WRITES) {
      const commands = started.filter(({ commandName }) => commandName === name).map(({ command }) => command)
      expect(commands.length, name).toBeGreaterThan(0)
      for (const command of commands) {
        if (command.autocommit === false && name !== 'commitTransaction') expect(command.writeConcern).toBeUndefined()
        else expect(command.writeConcern, JSON.stringify(command)).toMatchObject({ w: 'majority' })
      }
    }
  })

  it('sees in every read of records what a majority has, from the moment at which it began', () => {
    const reads = started.slice(0, migratingAt).flatMap(({ command }) => {
      return /_(item|note)$/.test(String(command.find ?? command.count)) ? [command.readConcern] : []
    })
    expect(reads).toEqual([1, 2, 3, 4].map(() => ({ level: 'majority', afterClusterTime: expect.anything() })))
    const begun = started.filter(({ command }) => command.update !== undefined && command.startTransaction === true)
    expect(begun.length).toBeGreaterThan(2)
    for (const { command } of begun) expect(command.readConcern).toMatchObject({ level: 'snapshot' })
  })
})
