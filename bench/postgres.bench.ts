/**
 * End to end on one PostgreSQL server with `fsync` on: every task of a batch is accepted, run and finished, and its caller has
 * the result. Beside graphile-worker on the same server, plain and with its local queue, each with as many jobs at once; it
 * deletes what it has finished and keeps no result. The server is our own, on a free port.
 *
 *   npm run bench -- postgres
 */
import { createOrchestrator, defineAgent, defineTask, staticSchema } from 'batuta'
import { postgresStorage } from 'batuta/storage/postgres'
import { PostgresServer } from '../test/support/postgres-server.js'
import { type GraphileUnderTest, loadGraphileWorker } from './graphile-worker.js'
import { alternate, type BenchRow, duration, percentile, rate, report, type Side } from './measure.js'

const TASKS = 5_000
const CONCURRENCY = 500
const LONE_TASKS = 200
const ROUNDS = 3

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

async function openBatuta(url: string) {
  const agent = defineAgent('worker', {
    handlers: [task.handler(async ({ n }) => n)],
    maxConcurrentTasks: CONCURRENCY,
  })
  const app = await createOrchestrator({ agents: [agent], storage: postgresStorage({ connectionString: url }) })
  return {
    one: async (n: number) => (await app.submit(task, { n })).result(),
    close: async () => void (await app.shutdown()),
  }
}

const server = await PostgresServer.start('fsync=on', 'shared_buffers=256MB', 'max_wal_size=4GB')
const found = await loadGraphileWorker()
if (typeof found === 'string') console.error(`graphile-worker is left out: ${found}`)
const openGraphile = typeof found === 'string' ? undefined : found

async function clear(): Promise<void> {
  await server.admin(async (client) => {
    await client.query('DROP SCHEMA IF EXISTS batuta CASCADE')
    await client.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE')
    await client.query('CHECKPOINT')
  })
}

interface Opened {
  one(n: number): Promise<unknown>
  close(): Promise<void>
}

function side<T extends Opened>(name: string, open: () => Promise<T>, work: (opened: T) => Promise<unknown>): Side {
  return {
    name,
    async prepare() {
      await clear()
      const opened = await open()
      return { work: async () => void (await work(opened)), close: opened.close }
    },
  }
}

const oneByOne = ({ one }: Opened) => Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)))
const many = ({ all }: GraphileUnderTest) => all(TASKS)
const batuta = side('batuta', () => openBatuta(server.url), oneByOne)

function rivals(): readonly Side[] {
  if (openGraphile === undefined) return []
  const options = { connectionString: server.url, concurrency: CONCURRENCY }
  const queue = () => openGraphile({ ...options, localQueue: CONCURRENCY })
  return [
    side('graphile-worker, addJob', () => openGraphile({ ...options, concurrency: 20 }), oneByOne),
    side('graphile-worker, local queue, addJob', queue, oneByOne),
    side('graphile-worker, local queue, addJobs of 500', queue, many),
  ]
}

/** Median and 99th percentile of tasks submitted one after the other. */
async function lone(one: (n: number) => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = []
  for (let n = 0; n < LONE_TASKS; n++) {
    const startedAt = performance.now()
    await one(n)
    times.push(performance.now() - startedAt)
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

const rows: BenchRow[] = []
try {
  const times = [...(await alternate([batuta, ...rivals()], ROUNDS))]
  const batutaMs = times.find(([name]) => name === 'batuta')?.[1] ?? Number.NaN
  const what = `${TASKS.toLocaleString('en-US')} tasks on PostgreSQL, fsync on, end to end`
  const others = times.filter(([name]) => name !== 'batuta')
  for (const [name, ms] of others) {
    const budget = name.includes('local queue') ? '<= 1.5' : ''
    const against = `${name}, ${rate(TASKS, ms)}`
    rows.push({ what, batuta: rate(TASKS, batutaMs), against, ratio: batutaMs / ms, budget })
  }
  if (others.length === 0) rows.push({ what, batuta: rate(TASKS, batutaMs), against: '', budget: '' })
  await clear()
  const ours = await openBatuta(server.url)
  const theirs = await openGraphile?.({ connectionString: server.url, concurrency: 20 })
  await lone(ours.one)
  const mine = await lone(ours.one)
  if (theirs !== undefined) await lone(theirs.one)
  const other = theirs && (await lone(theirs.one))
  for (const p of ['p50', 'p99'] as const) {
    const rival = other && { against: `graphile-worker, ${duration(other[p])}`, ratio: mine[p] / other[p] }
    const budget = p === 'p50' ? '2 ms' : ''
    const title = `a lone task on PostgreSQL, fsync on, submit to result, ${p}`
    rows.push({ what: title, batuta: duration(mine[p]), against: '', budget, ...rival })
  }
  await ours.close()
  await theirs?.close()
} finally {
  await server.stop()
}
report(rows)
// The package that brought the server listens to its parent process for ever.
process.channel?.unref()
