/**
 * Whether what has ended costs anything: tasks end to end with a thousand and with a million finished ones in the storage, and how
 * fast the purge lets go of a million.
 *
 *   npx tsx --expose-gc --tsconfig bench/tsconfig.json bench/finished.bench.ts [finished]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { createOrchestrator, defineAgent, defineTask, memoryStorage, type Storage, staticSchema } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { type BenchRow, collectGarbage, duration, percentile, rate, report } from './measure.js'

const MANY = Number(process.argv[2] ?? 1_000_000)
const FEW = 1_000
const TASKS = 10_000
const ROUNDS = 5
const BATCH = 1_000
const HOUR_MS = 3_600_000
/** Of those that are purged so many stay. */
const KEPT = 10_000

// A million tasks in memory are more than Node's own limit allows.
setFlagsFromString('--max-old-space-size=6000')

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })
const agent = defineAgent('worker', { handlers: [task.handler(async ({ n }) => n)], maxConcurrentTasks: 500 })

interface Filled {
  run(count: number): Promise<void>
  close(): Promise<void>
}

const appOn = (storage: Storage, pollMs: number) =>
  // Not before its time: the purge goes by number here.
  createOrchestrator({
    agents: [agent],
    storage,
    pollMs,
    retention: { completed: { ageMs: 30 * HOUR_MS, maxCount: KEPT } },
  })

/** Puts copies of a finished task into an open storage. */
async function fill(storage: Storage, sampleId: string, finished: number): Promise<void> {
  const { records, now } = await storage.read([{ kind: 'task', id: sampleId }])
  const [sample] = records
  if (sample === undefined) throw new Error('the sample is gone')
  for (let from = 0; from < finished; from += BATCH) {
    const sets = Array.from({ length: Math.min(BATCH, finished - from) }, (_, i) => {
      const n = from + i
      const id = `${sampleId.slice(0, 9)}${String(n).padStart(14, '0')}`
      const at = now - HOUR_MS + Math.floor((n / finished) * (HOUR_MS / 2))
      const value = { ...sample.value, id, createdAt: at, dueAt: at, rank: at, endedAt: at, input: { n } }
      const write = { kind: 'task', id, expect: null, leave: { version: `filled.${n}`, value } }
      return { writes: [write], notAfter: now + HOUR_MS }
    })
    await storage.commit(sets)
  }
}

/** An application whose storage has so many finished tasks, and that purges nothing yet. */
async function filled(storage: Storage, finished: number): Promise<Filled> {
  const app = await appOn(storage, HOUR_MS)
  const { task: sample } = await app.run(task, { n: 0 })
  await fill(storage, sample.id, finished)
  const one = async (n: number) => (await app.submit(task, { n })).result()
  return {
    run: async (count) => void (await Promise.all(Array.from({ length: count }, (_, n) => one(n)))),
    close: async () => void (await app.shutdown()),
  }
}

/** What a task costs, in milliseconds: of the clock, and of the processor. */
interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
}

async function costOf(app: Filled): Promise<Cost> {
  collectGarbage()
  const [startedAt, before] = [performance.now(), process.cpuUsage()]
  await app.run(TASKS)
  const { user, system } = process.cpuUsage(before)
  return { wallMs: (performance.now() - startedAt) / TASKS, cpuMs: (user + system) / 1_000 / TASKS }
}

/** The same work with few and with many finished tasks, alternating. */
async function compare(name: string, open: () => Storage): Promise<BenchRow[]> {
  const few = await filled(open(), FEW)
  const many = await filled(open(), MANY)
  const costs: { few: Cost; many: Cost }[] = []
  for (let round = 0; round <= ROUNDS; round++) costs.push({ few: await costOf(few), many: await costOf(many) })
  costs.shift()
  const median = (which: 'few' | 'many', of: keyof Cost) =>
    percentile(
      costs.map((cost) => cost[which][of]),
      0.5,
    )
  const what = `${name}: a task end to end with ${MANY.toLocaleString('en-US')} finished ones`
  await few.close()
  await many.close()
  return [
    {
      what,
      batuta: rate(1, median('many', 'wallMs')),
      against: `with ${FEW.toLocaleString('en-US')}: ${rate(1, median('few', 'wallMs'))}`,
      ratio: median('many', 'wallMs') / median('few', 'wallMs'),
      budget: '<= 1.2',
    },
    {
      what: `${what}, processor`,
      batuta: duration(median('many', 'cpuMs')),
      against: duration(median('few', 'cpuMs')),
      ratio: median('many', 'cpuMs') / median('few', 'cpuMs'),
      budget: '<= 1.2',
    },
  ]
}

/** How fast the purge comes down from many finished tasks to those that are kept, while tasks go on. */
async function purge(storage: Storage): Promise<BenchRow> {
  const app = await appOn(storage, 1_000)
  const { task: sample } = await app.run(task, { n: 0 })
  const endedIn = async () => (await storage.count('ended', { prefix: ['completed'] })).count
  await fill(storage, sample.id, MANY)
  const startedAt = performance.now()
  const waits: number[] = []
  while ((await endedIn()) >= KEPT) {
    const submittedAt = performance.now()
    await app.run(task, { n: 1 })
    waits.push(performance.now() - submittedAt)
    await pause(50)
  }
  const tookMs = performance.now() - startedAt
  await app.shutdown()
  return {
    what: `SQLite: ${MANY.toLocaleString('en-US')} finished tasks purged, a task meanwhile ${duration(percentile(waits, 0.5))}, p99 ${duration(percentile(waits, 0.99))}`,
    batuta: rate(MANY, tookMs),
    against: '',
    budget: '',
  }
}

const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
let files = 0
const newFile = () => sqliteStorage({ path: join(folder, `${++files}.sqlite`) })
try {
  const rows = [...(await compare('memory', () => memoryStorage()))]
  rows.push(...(await compare('SQLite', newFile)))
  rows.push(await purge(newFile()))
  report(rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
