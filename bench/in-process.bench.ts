/**
 * The whole life of a task in one process, memory storage: submit, route, claim, run, settle, result. Against p-queue +
 * p-retry (no record, no routing, no events) and Moleculer (retry, breaker, bulkhead; no record) on the same work.
 */
import { createOrchestrator, defineAgent, defineTask, staticSchema } from 'batuta'
import PQueue from 'p-queue'
import pRetry from 'p-retry'
import { alternate, type BenchRow, collectGarbage, duration, percentile, rate, report, type Side } from './measure.js'
import { loadMoleculer, moleculerSide } from './moleculer.js'

const SLOTS = 32
const ROUNDS = 5

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })
type Work = (n: number) => Promise<number>

async function orchestratorFor(work: Work) {
  const handlers = [task.handler(({ n }) => work(n))]
  return createOrchestrator({ agents: [defineAgent('worker', { handlers, maxConcurrentTasks: SLOTS })] })
}

function batutaSide(count: number, work: Work): Side {
  return {
    name: 'batuta',
    async prepare() {
      const app = await orchestratorFor(work)
      const one = async (n: number) => (await app.submit(task, { n })).result()
      return {
        work: async () => void (await Promise.all(Array.from({ length: count }, (_, n) => one(n)))),
        close: async () => void (await app.shutdown()),
      }
    },
  }
}

function queueSide(count: number, work: Work): Side {
  return {
    name: 'p-queue + p-retry',
    async prepare() {
      const queue = new PQueue({ concurrency: SLOTS })
      const one = (n: number) => queue.add(() => pRetry(() => work(n), { retries: 3 }))
      return {
        work: async () => void (await Promise.all(Array.from({ length: count }, (_, n) => one(n)))),
        close: async () => {},
      }
    },
  }
}

async function throughput(label: string, count: number, work: Work): Promise<BenchRow[]> {
  const moleculer = await loadMoleculer()
  const sides = [batutaSide(count, work), queueSide(count, work)]
  if (typeof moleculer !== 'string') sides.push(moleculerSide(moleculer.createBroker, { count, slots: SLOTS, work }))
  const times = await alternate(sides, ROUNDS)
  const batutaMs = times.get('batuta') ?? Number.NaN
  const row = (name: string, shown: string, budget: string): BenchRow => {
    const otherMs = times.get(name) ?? Number.NaN
    return {
      what: label,
      batuta: rate(count, batutaMs),
      against: `${shown} ${rate(count, otherMs)}`,
      ratio: batutaMs / otherMs,
      budget,
    }
  }
  const rows = [row('p-queue + p-retry', 'p-queue + p-retry', '<= 1.5')]
  if (typeof moleculer !== 'string') rows.push(row('moleculer', `moleculer ${moleculer.version}`, ''))
  else rows.push({ what: label, batuta: rate(count, batutaMs), against: `moleculer ${moleculer}`, budget: '' })
  return rows
}

/** From the call of submit to the first line of the handler, nothing else going on. */
async function latency(): Promise<BenchRow[]> {
  let startedAt = 0
  const work: Work = async (n) => {
    startedAt = performance.now()
    return n
  }
  const measure = async (count: number, one: (n: number) => Promise<unknown>) => {
    const times: number[] = []
    for (let n = 0; n < count; n++) {
      const calledAt = performance.now()
      await one(n)
      times.push(startedAt - calledAt)
    }
    return times.slice(count / 10)
  }
  const app = await orchestratorFor(work)
  const ours = await measure(5_000, async (n) => (await app.submit(task, { n })).result())
  await app.shutdown()
  const queue = new PQueue({ concurrency: SLOTS })
  const theirs = await measure(5_000, (n) => queue.add(() => pRetry(() => work(n), { retries: 3 })))
  return [0.5, 0.99].map((share) => ({
    what: `submit to start, p${share * 100}`,
    batuta: duration(percentile(ours, share)),
    against: `p-queue + p-retry ${duration(percentile(theirs, share))}`,
    budget: '',
  }))
}

/** Everything that JavaScript holds, in and outside the heap. */
function bytesInUse(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** An application with this many tasks that wait for an agent that is paused, and another agent that works. */
async function withPending(count: number) {
  const parked = defineTask('parked', { input: staticSchema<{ n: number }>() })
  const live = task.handler(async ({ n }) => n)
  const app = await createOrchestrator({
    agents: [
      defineAgent('sleeper', { handlers: [parked.handler(async ({ n }) => n)] }),
      defineAgent('worker', { handlers: [live], maxConcurrentTasks: SLOTS }),
    ],
  })
  await app.pause('sleeper')
  collectGarbage()
  const before = bytesInUse()
  for (let from = 0; from < count; from += 1_000) {
    const inputs = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => ({ n: from + n }))
    await app.submitMany(parked, inputs)
  }
  collectGarbage()
  const bytesPerTask = (bytesInUse() - before) / count
  return { app, bytesPerTask }
}

/** What one more task costs beside a backlog, and what the backlog weighs. */
async function backlog(): Promise<BenchRow[]> {
  const costOf = async (pending: number) => {
    const { app, bytesPerTask } = await withPending(pending)
    const times: number[] = []
    for (let n = 0; n < 3_000; n++) {
      const started = performance.now()
      await (await app.submit(task, { n })).result()
      times.push(performance.now() - started)
    }
    await app.shutdown({ graceMs: 0 })
    return { medianMs: percentile(times.slice(500), 0.5), bytesPerTask }
  }
  const few = await costOf(100)
  const many = await costOf(100_000)
  return [
    {
      what: 'memory per pending task, 100,000 pending',
      batuta: `${(many.bytesPerTask / 1024).toFixed(2)} KB`,
      against: '',
      budget: '<= 1.5 KB',
    },
    {
      what: 'one task beside 100,000 pending',
      batuta: duration(many.medianMs),
      against: `beside 100 pending ${duration(few.medianMs)}`,
      ratio: many.medianMs / few.medianMs,
      budget: '',
    },
  ]
}

const nothing: Work = async (n) => n
const oneMillisecond: Work = (n) => new Promise((resolve) => setTimeout(resolve, 1, n))
report([
  ...(await throughput('20,000 tasks of no work, 32 slots', 20_000, nothing)),
  ...(await throughput('5,000 tasks of 1 ms, 32 slots', 5_000, oneMillisecond)),
  ...(await latency()),
  ...(await backlog()),
])
