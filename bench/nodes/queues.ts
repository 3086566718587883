/** Queues as several processes see them: one adds tasks, others work. Those that are not installed reject. */
import { createOrchestrator, defineAgent, defineTask, type OrchestratorOptions, staticSchema } from 'batuta'
import { mongodbStorage } from 'batuta/storage/mongodb'
import { postgresStorage } from 'batuta/storage/postgres'
import { redisStorage } from 'batuta/storage/redis'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { type ClaimCount, countingClaims } from '../../test/nodes/counting-claims.js'

/** How many tasks a process runs at once. */
const SLOTS = 100
/** How many tasks are added by one call, where a queue can. */
const BATCH = 500
const DATABASE = 'bench'

type Close = () => Promise<unknown>

interface NodeQueue {
  /**
   * Works until it is closed, and tells of every task that has ended.
   * @param at - the server's URL, or a file. @param claims - where it counts its claims, if it makes any.
   */
  work(at: string, onEnd: () => void, claims: ClaimCount): Promise<Close>
  /** Gets ready to add tasks. */
  producer(at: string): Promise<{ add(numbers: readonly number[]): Promise<unknown>; close: Close }>
}

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

function batuta(storageAt: (at: string) => NonNullable<OrchestratorOptions['storage']>): NodeQueue {
  const start = (agents: OrchestratorOptions['agents'], storage: OrchestratorOptions['storage']) =>
    createOrchestrator({ agents, storage })
  return {
    async work(at, onEnd, claims) {
      const agent = defineAgent('worker', { handlers: [task.handler(async ({ n }) => n)], maxConcurrentTasks: SLOTS })
      const app = await start([agent], countingClaims(storageAt(at), claims))
      app.on('task:completed', onEnd)
      return () => app.shutdown()
    },
    async producer(at) {
      const app = await start([], storageAt(at))
      const inputs = (numbers: readonly number[]) => numbers.map((n) => ({ n }))
      return { add: (numbers) => app.submitMany(task, inputs(numbers)), close: () => app.shutdown() }
    },
  }
}

/** The package's exports, with the members that are used. */
async function peer<T>(name: string): Promise<T> {
  return (await import(name)) as T
}

interface BullmqPart {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
  on(event: 'completed', listener: () => void): unknown
  addBulk(jobs: readonly { name: string; data: object }[]): Promise<unknown>
}

interface Bullmq {
  readonly Queue: new (name: string, options: object) => BullmqPart
  readonly Worker: new (
    name: string,
    work: (job: { data: { n: number } }) => Promise<unknown>,
    options: object,
  ) => BullmqPart
}

const bullmq: NodeQueue = {
  async work(at, onEnd) {
    const { Worker } = await peer<Bullmq>('bullmq')
    const connection = { port: Number(new URL(at).port), maxRetriesPerRequest: null }
    const worker = new Worker('bench', async ({ data }) => data.n, { connection, concurrency: SLOTS })
    worker.on('completed', onEnd)
    await worker.waitUntilReady()
    return () => worker.close()
  },
  async producer(at) {
    const { Queue } = await peer<Bullmq>('bullmq')
    const queue = new Queue('bench', { connection: { port: Number(new URL(at).port) } })
    await queue.waitUntilReady()
    return {
      add: (numbers) => queue.addBulk(numbers.map((n) => ({ name: 'bench', data: { n } }))),
      close: () => queue.close(),
    }
  },
}

interface AgendaPart {
  readonly ready: Promise<unknown>
  define(name: string, work: () => Promise<void>): void
  on(event: string, listener: () => void): void
  start(): Promise<void>
  stop(): Promise<void>
  now(name: string, data: object): Promise<unknown>
}

async function openAgenda(at: string): Promise<AgendaPart> {
  const { Agenda } = await peer<{ Agenda: new (options: object) => AgendaPart }>('agenda')
  const { MongoBackend } = await peer<{ MongoBackend: new (options: object) => object }>('@agendajs/mongo-backend')
  return new Agenda({
    backend: new MongoBackend({ address: databaseAt(at) }),
    processEvery: 100,
    maxConcurrency: SLOTS,
    defaultConcurrency: SLOTS,
  })
}

function databaseAt(uri: string): string {
  const url = new URL(uri)
  url.pathname = `/${DATABASE}`
  return url.href
}

const agenda: NodeQueue = {
  async work(at, onEnd) {
    const node = await openAgenda(at)
    node.define('bench', async () => {})
    node.on('complete:bench', onEnd)
    await node.start()
    return () => node.stop()
  },
  async producer(at) {
    // Never started, so that it runs nothing itself.
    const node = await openAgenda(at)
    await node.ready
    return {
      add: (numbers) => Promise.all(numbers.map((n) => node.now('bench', { n }))),
      close: () => node.stop(),
    }
  },
}

interface Graphile {
  run(options: object): Promise<{ stop(): Promise<void> }>
  runMigrations(options: object): Promise<void>
  makeWorkerUtils(
    options: object,
  ): Promise<{ addJobs(specs: readonly object[]): Promise<unknown>; release(): Promise<void> }>
  readonly Logger: new (factory: () => () => void) => object
}

const graphile: NodeQueue = {
  async work(connectionString, onEnd) {
    const { run, Logger } = await peer<Graphile>('graphile-worker')
    const logger = new Logger(() => () => undefined)
    const batching = { localQueue: { size: SLOTS }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
    const runner = await run({
      connectionString,
      logger,
      noHandleSignals: true,
      taskList: { bench: async () => onEnd() },
      preset: { worker: { concurrentJobs: SLOTS, maxPoolSize: 10, ...batching } },
    })
    return () => runner.stop()
  },
  async producer(connectionString) {
    const { makeWorkerUtils, runMigrations, Logger } = await peer<Graphile>('graphile-worker')
    const logger = new Logger(() => () => undefined)
    await runMigrations({ connectionString, logger })
    const utils = await makeWorkerUtils({ connectionString, logger })
    return {
      add: (numbers) => utils.addJobs(numbers.map((n) => ({ identifier: 'bench', payload: { n } }))),
      close: () => utils.release(),
    }
  },
}

export const QUEUES = {
  'batuta on SQLite': batuta((path) => sqliteStorage({ path })),
  'batuta on Redis': batuta((url) =>
    redisStorage({ connection: { port: Number(new URL(url).port) }, onWarning: () => undefined }),
  ),
  'batuta on MongoDB': batuta((uri) => mongodbStorage({ uri, database: DATABASE })),
  'batuta on PostgreSQL': batuta((connectionString) => postgresStorage({ connectionString })),
  BullMQ: bullmq,
  Agenda: agenda,
  'graphile-worker, local queue': graphile,
} satisfies Record<string, NodeQueue>

export type QueueName = keyof typeof QUEUES

/** In the batches in which tasks are added. */
export function batchesOf(count: number): number[][] {
  const numbers = Array.from({ length: count }, (_, n) => n)
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => numbers.slice(i * BATCH, (i + 1) * BATCH))
}
