/**
 * End to end on MongoDB, a replica set of one member: every task of a batch is accepted, claimed, run and settled. Against
 * Agenda, which keeps what it finished, as batuta does, and is run in the way that suits it: it polls (100 ms) where rates
 * are measured, and is told of new jobs at once where latency is. With one node, with four, and one task after the other;
 * and how many commands a task costs.
 */
import { createOrchestrator, defineAgent, defineTask, type Orchestrator, staticSchema } from 'batuta'
import { mongodbStorage } from 'batuta/storage/mongodb'
import { MongoClient } from 'mongodb'
import { MongoMemoryReplSet } from 'mongodb-memory-server-core'
import { alternate, type BenchRow, duration, percentile, rate, report, type Side } from './measure.js'

const TASKS = 1_000
const SLOTS = 200
const LONE_TASKS = 100

/** The few members of Agenda that are used; its types are there only when it is installed. */
interface Agenda {
  define(name: string, work: (job: { attrs: { data: { n: number } } }) => Promise<void>): void
  on(event: string, listener: () => void): void
  start(): Promise<void>
  stop(): Promise<void>
  now(name: string, data: { n: number }): Promise<unknown>
}

interface Work {
  /** All at once, from the first submit to the last result. */
  readonly many: (count: number) => Promise<void>
  readonly close: () => Promise<void>
}

process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'
const server = await MongoMemoryReplSet.create({ replSet: { count: 1, storageEngine: 'wiredTiger' } })
let databases = 0

/** A client for a database of its own that counts its commands. */
async function newClient() {
  const client = await MongoClient.connect(server.getUri(), { monitorCommands: true })
  const counted = { commands: 0 }
  client.on('commandStarted', () => {
    counted.commands++
  })
  return { client, counted, database: `bench${++databases}` }
}

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

type Start = (nodes: number) => Promise<Work & { readonly counted: { commands: number } }>

const startBatuta: Start = async (nodes) => {
  const { client, counted, database } = await newClient()
  const apps: Orchestrator[] = []
  for (let node = 0; node < nodes; node++) {
    const agent = defineAgent('worker', { handlers: [task.handler(async ({ n }) => n)], maxConcurrentTasks: SLOTS })
    apps.push(await createOrchestrator({ agents: [agent], storage: mongodbStorage({ client, database }) }))
  }
  const one = async (n: number) => (await (apps[n % nodes] as Orchestrator).submit(task, { n })).result()
  return {
    counted,
    many: async (count) => void (await Promise.all(Array.from({ length: count }, (_, n) => one(n)))),
    close: async () => {
      for (const app of apps) await app.shutdown()
      await client.db(database).dropDatabase()
      await client.close()
    },
  }
}

/** What starts Agenda, or why it is left out. */
async function loadAgenda() {
  // Not as literals: what is not installed is no error of the compiler.
  const [core, backend] = ['agenda', '@agendajs/mongo-backend']
  try {
    const { Agenda, InMemoryNotificationChannel } = (await import(core)) as {
      Agenda: new (options: object) => Agenda
      InMemoryNotificationChannel: new () => object
    }
    const { MongoBackend } = (await import(backend)) as { MongoBackend: new (options: object) => object }
    return (isTold: boolean): Start =>
      async (nodes) => {
        const { client, counted, database } = await newClient()
        const channel = new InMemoryNotificationChannel()
        const agendas: Agenda[] = []
        let left = 0
        let done = () => {}
        for (let node = 0; node < nodes; node++) {
          const agenda = new Agenda({
            backend: new MongoBackend({ mongo: client.db(database) }),
            ...(isTold && { notificationChannel: channel }),
            processEvery: 100,
            maxConcurrency: SLOTS,
            defaultConcurrency: SLOTS,
          })
          agenda.define('bench', async () => {})
          agenda.on('complete:bench', () => {
            if (--left === 0) done()
          })
          await agenda.start()
          agendas.push(agenda)
        }
        return {
          counted,
          many: async (count) => {
            left += count
            const all = new Promise<void>((resolve) => {
              done = resolve
            })
            await Promise.all(
              Array.from({ length: count }, (_, n) => (agendas[n % nodes] as Agenda).now('bench', { n })),
            )
            await all
          },
          close: async () => {
            for (const agenda of agendas) await agenda.stop()
            await client.db(database).dropDatabase()
            await client.close()
          },
        }
      }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return 'Agenda: not installed (npm install --prefix bench)'
  }
}

async function throughput(nodes: number, agenda: Start | string): Promise<BenchRow> {
  const side = (name: string, start: Start): Side => ({
    name,
    prepare: async () => {
      const { many, close } = await start(nodes)
      return { work: () => many(TASKS), close }
    },
  })
  const sides = [side('batuta', startBatuta), ...(typeof agenda === 'string' ? [] : [side('agenda', agenda)])]
  const times = await alternate(sides, 2)
  const [ours, theirs] = [times.get('batuta') ?? Number.NaN, times.get('agenda')]
  return {
    what: `${TASKS.toLocaleString('en-US')} tasks on MongoDB, end to end, ${nodes === 1 ? '1 node' : `${nodes} nodes`}`,
    batuta: rate(TASKS, ours),
    against: theirs === undefined ? String(agenda) : `Agenda, ${rate(TASKS, theirs)}`,
    ...(theirs !== undefined && { ratio: ours / theirs }),
    budget: '< 1',
  }
}

/** One task after the other, and what a task of a batch costs. */
async function alone(start: Start) {
  const { many, counted, close } = await start(1)
  await many(50)
  const times: number[] = []
  for (let n = 0; n < LONE_TASKS; n++) {
    const began = performance.now()
    await many(1)
    times.push(performance.now() - began)
  }
  const before = counted.commands
  await many(TASKS)
  const perTask = (counted.commands - before) / TASKS
  await close()
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), perTask }
}

const found = await loadAgenda()
const agenda = typeof found === 'string' ? found : found(false)
const rows = [await throughput(1, agenda), await throughput(4, agenda)]
const ours = await alone(startBatuta)
const theirs = typeof found === 'string' ? undefined : await alone(found(true))
const percentiles = ({ p50, p99 }: { p50: number; p99: number }) => `p50 ${duration(p50)}, p99 ${duration(p99)}`
rows.push({
  what: 'a lone task on MongoDB, submit to result',
  batuta: percentiles(ours),
  against: theirs === undefined ? String(found) : `Agenda, ${percentiles(theirs)}`,
  ...(theirs !== undefined && { ratio: ours.p50 / theirs.p50 }),
  budget: '< 1',
})
rows.push({
  what: `commands per task, of ${TASKS.toLocaleString('en-US')} at once`,
  batuta: ours.perTask.toFixed(3),
  against: theirs === undefined ? String(found) : `Agenda, ${theirs.perTask.toFixed(2)}`,
  ...(theirs !== undefined && { ratio: ours.perTask / theirs.perTask }),
  budget: '< 1',
})
await server.stop()
report(rows)
