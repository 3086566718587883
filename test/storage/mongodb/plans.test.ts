import type { Document } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MongodbClient, type MongodbDocument, mongodbStorage } from '../../../src/storage/mongodb/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexDefinition, IndexRange, KeyPart, Storage } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'

const DATABASE = 'plans'
const RECORDS = 100_000

let server: MongodbServer
let storage: Storage
/** What the storage asked for, in the order of asking. */
let asked: MongodbDocument[] = []

/** A live client that notes what is asked. */
function watched(): MongodbClient {
  const { client } = server
  const database = (name: string) => {
    const db = client.db(name)
    return {
      command: (command: MongodbDocument, options?: object) => {
        asked.push(command)
        return db.command(command, options)
      },
      runCursorCommand: (command: MongodbDocument) => {
        asked.push(command)
        return db.runCursorCommand(command)
      },
    }
  }
  return {
    connect: () => client.connect(),
    db: database,
    startSession: (options) => client.startSession(options),
    close: () => client.close(),
  }
}

/** A document that is in every index of its kind, under the keys of number `n`. */
function documentOf(kind: string, n: number): Document {
  const document: Document = { _id: `m${String(n).padStart(6, '0')}`, version: 'v', value: '{}' }
  for (const index of SCHEMA.indexes.filter((one) => one.kind === kind)) {
    const key = index.fields.map(({ name, type }, at): [string, KeyPart] => {
      if (at < index.fields.length - 2) return [name, `m${n % 5}`]
      return [name, type === 'number' ? n : `m${String(n).padStart(6, '0')}`]
    })
    document[index.name] = Object.fromEntries(key.filter(([name], at) => at === 0 || name !== 'id'))
  }
  return document
}

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
  return index.fields.flatMap((_, i) => {
    const prefix = parts(index, i)
    const bound = parts(index, i + 1)
    return [
      {},
      { prefix: bound },
      { after: bound },
      { upTo: bound },
      { prefix, after: bound },
      { prefix, after: whole },
      { prefix, upTo: bound },
      { prefix, after: whole, upTo: [...prefix, index.fields[i]?.type === 'number' ? RECORDS : 'z'] },
    ]
  })
}

/** Every stage of a plan. */
function stagesOf(plan: Document): Document[] {
  const inside = [plan.inputStage, ...(plan.inputStages ?? [])].filter((stage) => stage !== undefined)
  return [plan, ...inside.flatMap(stagesOf)]
}

async function explained({ readConcern: _, maxTimeMS: __, ...command }: MongodbDocument): Promise<Document> {
  return await server.client.db(DATABASE).command({ explain: command, verbosity: 'executionStats' })
}

describe.skipIf(whyNoMongodb)(`plans at ${RECORDS} records of a kind`, () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    storage = mongodbStorage({ client: watched(), database: DATABASE, commandTimeoutMs: 20_000 })
    await storage.open(SCHEMA)
    for (const kind of new Set(SCHEMA.indexes.map((index) => index.kind))) {
      for (let from = 0; from < RECORDS; from += 10_000) {
        const documents = Array.from({ length: 10_000 }, (_, i) => documentOf(kind, from + i))
        await server.client.db(DATABASE).collection(`batuta_${kind}`).insertMany(documents, { ordered: false })
      }
    }
  }, 240_000)
  afterAll(async () => {
    await storage.close()
    await server.client.db(DATABASE).dropDatabase()
    await server.stop()
  })

  for (const index of SCHEMA.indexes) {
    it(`a query of ${index.name} walks no more of its index than it answers, in order`, async () => {
      let plans = 0
      for (const range of rangesOf(index)) {
        for (const order of ['asc', 'desc'] as const) {
          asked = []
          await storage.query(index.name, { ...range, order, limit: 10 })
          const command = asked.at(-1) as MongodbDocument
          if (command.find !== `batuta_${index.kind}`) continue
          const { queryPlanner, executionStats } = await explained(command)
          const stages = stagesOf(queryPlanner.winningPlan)
          const about = JSON.stringify({ range, order })
          expect(
            stages.filter(({ stage }) => stage === 'COLLSCAN' || stage === 'SORT'),
            about,
          ).toEqual([])
          const scans = stages.filter(({ stage }) => stage === 'IXSCAN')
          expect(new Set(scans.map(({ indexName }) => indexName)), about).toEqual(new Set([index.name]))
          // One entry ahead in each piece of the index.
          expect(executionStats.totalKeysExamined, about).toBeLessThanOrEqual(11 + 2 * scans.length)
          expect(executionStats.totalDocsExamined, about).toBeLessThanOrEqual(11)
          plans++
        }
      }
      expect(plans).toBeGreaterThan(5)
    }, 60_000)

    it(`a count of ${index.name} reads no document`, async () => {
      for (const range of rangesOf(index)) {
        asked = []
        await storage.count(index.name, range)
        const command = asked.at(-1) as MongodbDocument
        if (command.count === undefined) continue
        const { executionStats } = await explained(command)
        expect(executionStats.totalDocsExamined, JSON.stringify(range)).toBe(0)
        expect(executionStats.totalKeysExamined, JSON.stringify(range)).toBeLessThanOrEqual(10_020)
      }
    }, 60_000)
  }

  it('a read and a guarded write go by the id', async () => {
    asked = []
    await storage.read([{ kind: 'task', id: 'm000005' }])
    const { executionStats } = await explained(asked.at(-1) as MongodbDocument)
    expect(executionStats.totalDocsExamined).toBe(1)
    const leave = { version: 'w', value: {} }
    const writes = [{ kind: 'turn', id: 'm000005', expect: 'v', leave }]
    const write = await storage.commit([{ writes, notAfter: Number.MAX_SAFE_INTEGER }])
    expect(write.results).toEqual([{ applied: true }])
    const update = asked.find((command) => command.update !== undefined)
    expect(update?.updates).toMatchObject([{ q: { _id: 'm000005' } }])
  })
})
