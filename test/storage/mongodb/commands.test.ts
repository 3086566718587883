import { type CommandStartedEvent, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import type { Storage, StorageSchema, Write, WriteSet } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { leave, opened, setOf } from './support.js'

const DATABASE = 'commands'
const SETS = 500
/** More than one commit has commands under way. */
const CONNECTIONS = 20
/** As many sets share a transaction, says the guide. */
const SETS_OF_TRANSACTION = 32
/** The kinds of the library, without its indexes: what is in them is of no account here. */
const PLAIN: StorageSchema = { ...SCHEMA, indexes: [] }

let server: MongodbServer
let client: MongoClient
let storage: Storage
let prefixes = 0
/** Commands since the last look, and how many of them were under way before the first was answered. */
let started: CommandStartedEvent[] = []
let atOnce: number | undefined

function many(make: (i: number) => WriteSet): WriteSet[] {
  return Array.from({ length: SETS }, (_, i) => make(i))
}

/** Commits, and tells the names of the commands that it took, sorted. */
async function commandsOf(sets: readonly WriteSet[]): Promise<string[]> {
  started = []
  atOnce = undefined
  const { results } = await storage.commit(sets)
  expect(results).toEqual(sets.map(() => ({ applied: true })))
  return started.map(({ commandName }) => commandName).sort()
}

function changed({ kind, id, leave: left }: Write): Write {
  return leave(id, { n: 1 }, left?.version ?? null, kind)
}

function removed({ kind, id, leave: left }: Write): Write {
  return { kind, id, expect: left?.version ?? '', leave: null }
}

describe.skipIf(whyNoMongodb)(`a commit of ${SETS} sets to MongoDB`, () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    client = new MongoClient(server.uri, { monitorCommands: true, minPoolSize: CONNECTIONS })
    let ready = 0
    // A command that has to wait for its connection would not be under way with the others.
    const areReady = new Promise<void>((resolve) => {
      client.on('connectionReady', () => {
        if (++ready === CONNECTIONS) resolve()
      })
    })
    client.on('commandStarted', (event) => started.push(event))
    client.on('commandSucceeded', () => {
      atOnce ??= started.length
    })
    await client.connect()
    await areReady
  }, 60_000)
  afterAll(async () => {
    await client.close()
    await server.stop()
  })

  beforeEach(async () => {
    const prefix = `p${Date.now()}-${++prefixes}`
    storage = await opened({ client, database: DATABASE, prefix, commandTimeoutMs: 15_000 }, PLAIN)
  })
  afterEach(() => storage.close())

  it('takes three commands at most when all are of one kind, at once: what is new, what changes, what goes', async () => {
    const writes = Array.from({ length: SETS }, (_, i) => leave(`t${i}`, {}, null, 'task'))
    expect(await commandsOf(writes.map((write) => setOf(write)))).toEqual(['find', 'update'])
    const mixed = writes.map((write, i) => {
      if (i % 3 === 0) return setOf(removed(write))
      return setOf(i % 3 === 1 ? changed(write) : leave(`new${i}`, {}, null, 'task'))
    })
    expect(await commandsOf(mixed)).toEqual(['delete', 'find', 'update'])
    expect(atOnce).toBe(3)
  })

  it('takes a command more for each further collection, all at once', async () => {
    const { kinds } = PLAIN
    const writes = Array.from({ length: SETS }, (_, i) => leave(`r${i}`, {}, null, kinds[i % kinds.length]))
    const perKind = (name: string) => kinds.map(() => name)
    expect(await commandsOf(writes.map((write) => setOf(write)))).toEqual(['find', ...perKind('update')])
    expect(atOnce).toBe(1 + kinds.length)
    const isGoing = (i: number) => Math.floor(i / kinds.length) % 2 === 0
    const mixed = writes.map((write, i) => setOf(isGoing(i) ? removed(write) : changed(write)))
    expect(await commandsOf(mixed)).toEqual([...perKind('delete'), 'find', ...perKind('update')])
  })

  it('takes a command per collection and the end of it for each transaction of sets of several records', async () => {
    const transactions = Math.ceil(SETS / SETS_OF_TRANSACTION)
    const times = (count: number, name: string) => Array.from({ length: count }, () => name)
    const pairs = many((i) => setOf(leave(`t${i}`, {}, null, 'task'), leave(`t${i}`, {}, null, 'idempotency')))
    expect(await commandsOf(pairs)).toEqual([
      ...times(transactions, 'commitTransaction'),
      'find',
      ...times(2 * transactions, 'update'),
    ])
    const others = pairs.map(({ writes: [task, key] }) => setOf(changed(task as Write), removed(key as Write)))
    expect(await commandsOf(others)).toEqual([
      ...times(transactions, 'commitTransaction'),
      ...times(transactions, 'delete'),
      'find',
      ...times(transactions, 'update'),
    ])
  })
})
