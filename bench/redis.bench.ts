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
import { Redis } from 'ioredis'
import { type BullmqUnderTest, loadBullmq } from './bullmq.js'
import { alternate, type BenchRow, duration, percentile, rate, report, type Side } from './measure.js'

const TASKS = 5_000
const CONCURRENCY = 500
const BURST = 1_000
const LONE_TASKS = 200
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
  // Rejects when there is no redis-server on the PATH.
  await once(child, 'spawn')
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
    close: async () => void (await app.shutdown()),
  }
}

async function flush(port: number): Promise<void> {
  const redis = new Redis({ port })
  await redis.flushall()
  redis.disconnect()
}

type OpenBullmq = (port: number, concurrency: number) => Promise<BullmqUnderTest>

function sidesOf(port: number, openBullmq: OpenBullmq | undefined): readonly Side[] {
  const oneByOne = async ({ one }: { one(n: number): Promise<unknown> }) =>
    void (await Promise.all(Array.from({ length: TASKS }, (_, n) => one(n))))
  const batuta: Side = {
    name: 'batuta',
    async prepare() {
      await flush(port)
      const opened = await openBatuta(port)
      return { work: () => oneByOne(opened), close: opened.close }
    },
  }
  if (openBullmq === undefined) return [batuta]
  const bullmq = (name: string, work: (opened: BullmqUnderTest) => Promise<void>): Side => ({
    name,
    async prepare() {
      await flush(port)
      const opened = await openBullmq(port, CONCURRENCY)
      return { work: () => work(opened), close: opened.close }
    },
  })
  return [
    batuta,
    bullmq('bullmq, add', oneByOne),
    bullmq('bullmq, addBulk', async ({ all }) => void (await all(TASKS))),
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

/** Scripts, and so round trips, for each of these tasks. */
async function scriptsPerTask(port: number, work: () => Promise<unknown>, tasks: number): Promise<number> {
  const redis = new Redis({ port })
  const count = async () => {
    const stats = await redis.info('commandstats')
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }
  const before = await count()
  await work()
  const after = await count()
  redis.disconnect()
  return (after - before) / tasks
}

const rows: BenchRow[] = []
const found = await loadBullmq()
if (typeof found === 'string') console.error(`BullMQ is left out: ${found}`)
const openBullmq = typeof found === 'string' ? undefined : found

/** A row for each of the others, if they are there. */
function compare(what: string, batuta: string, others: readonly { against: string; ratio: number }[]): void {
  if (others.length === 0) rows.push({ what, batuta, against: '', budget: '' })
  for (const { against, ratio } of others) rows.push({ what, batuta, against, ratio, budget: '' })
}

for (const [log, settings] of [
  ['no log', ['--appendonly', 'no']],
  ['appendfsync everysec', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
] as const) {
  const { port, stop } = await startRedis(...settings)
  try {
    const times = [...(await alternate(sidesOf(port, openBullmq), ROUNDS))]
    const batutaMs = times.find(([name]) => name === 'batuta')?.[1] ?? Number.NaN
    compare(
      `${TASKS.toLocaleString('en-US')} tasks on Redis, ${log}, end to end`,
      rate(TASKS, batutaMs),
      times
        .filter(([name]) => name !== 'batuta')
        .map(([name, ms]) => ({ against: `${name}, ${rate(TASKS, ms)}`, ratio: batutaMs / ms })),
    )
    await flush(port)
    const ours = await openBatuta(port)
    const theirs = await openBullmq?.(port, CONCURRENCY)
    await lone(ours.one)
    if (theirs !== undefined) await lone(theirs.one)
    const mine = await lone(ours.one)
    const other = theirs && (await lone(theirs.one))
    for (const p of ['p50', 'p99'] as const) {
      const rival = other && { against: `bullmq, ${duration(other[p])}`, ratio: mine[p] / other[p] }
      compare(`a lone task on Redis, ${log}, submit to result, ${p}`, duration(mine[p]), rival ? [rival] : [])
    }
    const burst = ({ one }: { one(n: number): Promise<unknown> }) =>
      scriptsPerTask(port, () => Promise.all(Array.from({ length: BURST }, (_, n) => one(n))), BURST)
    const scripts = await burst(ours)
    const others = theirs && (await burst(theirs))
    const rival = others && { against: `bullmq, ${others.toFixed(2)}`, ratio: scripts / others }
    compare(`scripts per task, ${BURST} at once on Redis, ${log}`, scripts.toFixed(3), rival ? [rival] : [])
    await ours.close()
    await theirs?.close()
  } finally {
    stop()
  }
}
report(rows)
