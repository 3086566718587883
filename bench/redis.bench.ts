/**
 * End to end on one Redis server: every task of a batch is accepted, run and finished, and its caller has the result. Beside
 * BullMQ on the same server, with as many tasks at once, its results awaited through QueueEvents. The server is our own, on a
 * free port, and runs each comparison without a log and with `appendfsync everysec`.
 *
 *   npm run bench -- redis
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOrchestrator, defineAgent, defineTask, staticSchema } from 'batuta'
import { redisStorage } from 'batuta/storage/redis'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { alternate, type BenchRow, duration, percentile, rate, report, type Side } from './measure.js'

const TASKS = 10_000
const CONCURRENCY = 500
const LONE_TASKS = 300
const ROUNDS = 3

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function startRedis(...settings: string[]): Promise<{ port: number; stop: () => void }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
  const child: ChildProcess = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings],
    { stdio: 'ignore' },
  )
  const redis = new Redis({ port, retryStrategy: () => 50 })
  redis.on('error', () => undefined)
  await redis.ping()
  redis.disconnect()
  return {
    port,
    stop: () => {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

async function openBatuta(port: number) {
  const agent = defineAgent('worker', {
    handlers: [task.handler(async ({ n }) => n)],
    maxConcurrentTasks: CONCURRENCY,
  })
  const storage = redisStorage({ connection: { port }, onWarning: () => undefined })
  const app = await createOrchestrator({ agents: [agent], storage })
  return {
    one: async (n: number) => (await app.submit(task, { n })).result(),
    close: () => app.shutdown(),
  }
}

async function openBullmq(port: number) {
  const connection = { port, maxRetriesPerRequest: null }
  const name = `bench-${Math.floor(performance.now())}`
  const queue = new Queue<{ n: number }, number>(name, { connection })
  const events = new QueueEvents(name, { connection })
  const worker = new Worker<{ n: number }, number>(name, async ({ data }) => data.n, {
    connection,
    concurrency: CONCURRENCY,
  })
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()])
  // One listener for each job that is waited for.
  events.setMaxListeners(0)
  return {
    one: async (n: number) => (await queue.add('bench', { n })).waitUntilFinished(events),
    all: async (count: number) => {
      const jobs = await queue.addBulk(Array.from({ length: count }, (_, n) => ({ name: 'bench', data: { n } })))
      await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))
    },
    close: async () => {
      await worker.close()
      await events.close()
      await queue.close()
    },
  }
}

async function flush(port: number): Promise<void> {
  const redis = new Redis({ port })
  await redis.flushall()
  redis.disconnect()
}

function sidesOf(port: number): readonly Side[] {
  return [
    {
      name: 'batuta',
      async prepare() {
        await flush(port)
        const { one, close } = await openBatuta(port)
        return {
          work: async () => void (await Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)))),
          close: async () => void (await close()),
        }
      },
    },
    {
      name: 'bullmq, add',
      async prepare() {
        await flush(port)
        const { one, close } = await openBullmq(port)
        return { work: async () => void (await Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)))), close }
      },
    },
    {
      name: 'bullmq, addBulk',
      async prepare() {
        await flush(port)
        const { all, close } = await openBullmq(port)
        return { work: () => all(TASKS), close }
      },
    },
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

/** Commands that the server ran for each of these tasks. */
async function commandsPerTask(port: number, work: () => Promise<unknown>, tasks: number): Promise<number> {
  const redis = new Redis({ port })
  const count = async () => {
    const stats = await redis.info('commandstats')
    // A script is one round trip, whatever it runs inside.
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }
  const before = await count()
  await work()
  const after = await count()
  redis.disconnect()
  return (after - before) / tasks
}

const rows: BenchRow[] = []
for (const [log, settings] of [
  ['no log', ['--appendonly', 'no']],
  ['appendfsync everysec', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
] as const) {
  const { port, stop } = await startRedis(...settings)
  try {
    const times = await alternate(sidesOf(port), ROUNDS)
    const ms = (name: string) => times.get(name) ?? Number.NaN
    for (const other of ['bullmq, add', 'bullmq, addBulk']) {
      rows.push({
        what: `${TASKS.toLocaleString('en-US')} tasks on Redis, ${log}, end to end`,
        batuta: rate(TASKS, ms('batuta')),
        against: `${other}, ${rate(TASKS, ms(other))}`,
        ratio: ms('batuta') / ms(other),
        budget: 'ahead',
      })
    }
    await flush(port)
    const [ours, theirs] = [await openBatuta(port), await openBullmq(port)]
    await lone(ours.one)
    await lone(theirs.one)
    const [mine, other] = [await lone(ours.one), await lone(theirs.one)]
    for (const p of ['p50', 'p99'] as const) {
      rows.push({
        what: `a lone task on Redis, ${log}, submit to result, ${p}`,
        batuta: duration(mine[p]),
        against: `bullmq, ${duration(other[p])}`,
        ratio: mine[p] / other[p],
        budget: '',
      })
    }
    const burst = (one: (n: number) => Promise<unknown>) => () =>
      Promise.all(Array.from({ length: 2_000 }, (_, n) => one(n)))
    const scripts = [
      await commandsPerTask(port, burst(ours.one), 2_000),
      await commandsPerTask(port, burst(theirs.one), 2_000),
    ] as const
    rows.push({
      what: `scripts for each of 2,000 tasks at once, ${log}`,
      batuta: scripts[0].toFixed(3),
      against: `bullmq, ${scripts[1].toFixed(2)}`,
      ratio: scripts[0] / scripts[1],
      budget: '',
    })
    await ours.close()
    await theirs.close()
  } finally {
    stop()
  }
}
report(rows)
