/** Tasks beside few and beside many finished ones in a storage, and the purge of the many. */
import { setTimeout as pause } from 'node:timers/promises'
import { createOrchestrator, defineAgent, defineTask, type RetentionOptions, type Storage, staticSchema } from 'batuta'
import { type BenchRow, collectGarbage, duration, percentile, rate } from '../measure.js'
import { FILLED_AGE_MS, fill, goneOf } from './fill.js'

const FEW = 1_000
const TASKS = 5_000
const ROUNDS = 5
const DAY_MS = 86_400_000
/** A purge that takes longer has been seen long enough. */
const PURGE_LIMIT_MS = 100_000

/** Where the tasks are kept. */
export interface Place {
  readonly name: string
  /** A storage that is told from others by a name, and finds what it had when it is opened again. */
  open(name: string): Storage
  /** Whether it is purged: what is in memory is gone when it is closed. */
  readonly isKept: boolean
  /** Processor time that the server has used, in milliseconds. */
  serverMs?(): Promise<number | undefined>
  /** Has the server do at once what it would do in the minutes after so many new records. */
  settle?(): Promise<unknown>
}

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })
const agent = defineAgent('worker', { handlers: [task.handler(async ({ n }) => n)], maxConcurrentTasks: 500 })

const appOn = (storage: Storage, completed: RetentionOptions) =>
  createOrchestrator({ agents: [agent], storage, retention: { completed } })

interface Filled {
  run(count: number): Promise<unknown>
  close(): Promise<unknown>
}

/** An application whose storage has so many finished tasks. It looks for some to purge, and finds none that is old enough. */
async function filled(storage: Storage, finished: number): Promise<Filled> {
  const app = await appOn(storage, { ageMs: DAY_MS, maxCount: Number.POSITIVE_INFINITY })
  const { task: sample } = await app.run(task, { n: 0 })
  await fill(storage, sample.id, finished)
  const one = async (n: number) => (await app.submit(task, { n })).result()
  return {
    run: (count) => Promise.all(Array.from({ length: count }, (_, n) => one(n))),
    close: () => app.shutdown(),
  }
}

/** What a task costs, in milliseconds: of the clock, of the process's processor time and of the server's. */
interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly serverMs: number
}

async function costOf(app: Filled, { serverMs }: Place): Promise<Cost> {
  collectGarbage()
  const serverBefore = (await serverMs?.()) ?? Number.NaN
  const [startedAt, before] = [performance.now(), process.cpuUsage()]
  await app.run(TASKS)
  const { user, system } = process.cpuUsage(before)
  const tookMs = performance.now() - startedAt
  const server = ((await serverMs?.()) ?? Number.NaN) - serverBefore
  return { wallMs: tookMs / TASKS, cpuMs: (user + system) / 1_000 / TASKS, serverMs: server / TASKS }
}

/** The same work with few and with many finished tasks, alternating. */
async function compare(place: Place, finished: number): Promise<BenchRow[]> {
  const few = await filled(place.open('few'), FEW)
  const startedAt = performance.now()
  const many = await filled(place.open('many'), finished)
  console.error(`${place.name}: ${finished} filled in, ${rate(finished, performance.now() - startedAt)}`)
  await place.settle?.()
  const costs: Record<'few' | 'many', Cost[]> = { few: [], many: [] }
  for (let round = 0; round <= ROUNDS; round++) {
    // In turn: the second waits for what the first left to be done.
    for (const which of round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const)) {
      const cost = await costOf(which === 'few' ? few : many, place)
      if (round > 0) costs[which].push(cost)
    }
  }
  await few.close()
  await many.close()
  const what = `${place.name}: a task beside ${finished.toLocaleString('en-US')} finished ones`
  const row = (of: keyof Cost, title: string, shown: (ms: number) => string): BenchRow => {
    const median = (which: 'few' | 'many') => medianOf(costs[which].map((cost) => cost[of]))
    const [ours, theirs] = [median('many'), median('few')]
    const against = `beside ${FEW.toLocaleString('en-US')}: ${shown(theirs)}`
    return { what: title, batuta: shown(ours), against, ratio: ours / theirs, budget: '<= 1.2' }
  }
  const rows = [row('wallMs', what, (ms) => rate(1, ms)), row('cpuMs', `${what}, processor`, duration)]
  const hasServer = !costs.many.some(({ serverMs }) => Number.isNaN(serverMs))
  return hasServer ? [...rows, row('serverMs', `${what}, server's processor`, duration)] : rows
}

const medianOf = (values: readonly number[]) => percentile(values, 0.5)

/** How fast the purge lets go of them, by their age, while tasks go on. */
async function purge(place: Place, finished: number): Promise<BenchRow> {
  const storage = place.open('many')
  const app = await appOn(storage, { ageMs: FILLED_AGE_MS - 60_000 })
  const startedAt = performance.now()
  const tookMs = () => performance.now() - startedAt
  const waits: number[] = []
  let gone = 0
  while (gone < finished && tookMs() < PURGE_LIMIT_MS) {
    const submittedAt = performance.now()
    await app.run(task, { n: 1 })
    waits.push(performance.now() - submittedAt)
    gone = await goneOf(storage, finished)
    await pause(50)
  }
  const purged = rate(gone, tookMs())
  await app.shutdown()
  const meanwhile = `a task meanwhile ${duration(percentile(waits, 0.5))}, p99 ${duration(percentile(waits, 0.99))}`
  const what = `${place.name}: ${gone.toLocaleString('en-US')} of ${finished.toLocaleString('en-US')} purged, ${meanwhile}`
  return { what, batuta: purged, against: '', budget: '' }
}

/** Rows for one place, with as many finished tasks as the first argument says. */
export async function measureFinished(place: Place): Promise<BenchRow[]> {
  const finished = Number(process.argv[2] ?? 1_000_000)
  const rows = await compare(place, finished)
  return place.isKept ? [...rows, await purge(place, finished)] : rows
}
