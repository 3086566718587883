/**
 * A process of a chaos run: five agents over one store. Started by {@link Fleet} with its settings as JSON; a line
 * on standard input tells it to finish what there is and end.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { createOrchestrator, defineAgent, defineTask, type TaskContext } from '../../src/index.js'
import { realClock } from '../../src/internal/clock.js'
import { seededRandom } from '../../src/internal/random.js'
import { ChaosLog, readChaosLog } from './chaos-log.js'
import {
  FILLING,
  LIMIT,
  MAX_RETRIES,
  type PlannedTask,
  planOf,
  SESSION_COUNTER,
  SLOTS,
  SLOTS_PER_AGENT,
} from './plan.js'
import { type StoreAddress, storageAt } from './stores.js'

/** What a worker is told. */
export interface WorkerSettings {
  readonly life: string
  readonly store: StoreAddress
  readonly log: string
  readonly seed: number
  readonly tasks: number
  /** It submits the tasks whose number leaves `part` when divided by `parts`. */
  readonly part: number
  readonly parts: number
  /** It submits at most so many before it is told to finish. */
  readonly quota: number
  /** It ends only when it is the last owner there is. */
  readonly isLast: boolean
  /** How far its wall clock is off. */
  readonly skewMs?: number | undefined
  /** Of the liveness of owners; the defaults when absent. */
  readonly leaseMs?: number | undefined
  /** Instead of the planned durations. */
  readonly durationMs?: number | undefined
}

const settings = JSON.parse(process.argv[2] ?? '{}') as WorkerSettings
const { life, leaseMs } = settings
const log = new ChaosLog(settings.log)
const plan = planOf(settings.seed, settings.tasks)

/** What a handler returns: who did it, so that the judge can compare it with the claim that stands. */
interface Done {
  readonly life: string
  readonly attempt: number
}

interface Work {
  readonly n: number
  readonly fallback?: boolean
}

const retry = { maxRetries: MAX_RETRIES, minDelayMs: 5, maxDelayMs: 40 }
const work = defineTask<Work, Done, never, Work, Done, never>('chaos.work', { requires: ['work'], retry })
const followOn = defineTask<Work, Done, never, Work, Done, never>('chaos.follow-on', { requires: ['work'], retry })
const limited = defineTask<Work, Done, never, Work, Done, never>('chaos.limited', {
  requires: ['work'],
  retry,
  maxConcurrentTasks: LIMIT,
  fallback: (_input, ctx) => handle(ctx, { durationMs: 5, failures: 0, followOns: 0 }),
})

type Script = Pick<PlannedTask, 'durationMs' | 'failures' | 'followOns'>

async function handle(ctx: TaskContext, script: Script): Promise<Done> {
  const { id, attempts, sessionId } = ctx.task
  log.write({ t: 'start', id, attempt: ctx.attempt, life, at: Date.now() })
  try {
    await pause(settings.durationMs ?? script.durationMs, undefined, { signal: ctx.signal })
    // Staged before it fails too: what a failed attempt staged must leave no trace.
    for (let i = 0; i < script.followOns; i++) ctx.submit(followOn, { n: i })
    if (sessionId !== undefined) ctx.session.update<number>(SESSION_COUNTER, (count) => (count ?? 0) + 1)
    const failed = attempts.filter((attempt) => attempt.outcome === 'failed').length
    if (failed < script.failures) throw new Error(`failure ${failed + 1} of ${script.failures}`)
    return { life, attempt: ctx.attempt }
  } finally {
    log.write({ t: 'end', id, attempt: ctx.attempt, life, at: Date.now() })
  }
}

function scriptOf({ n }: Work): Script {
  const planned = plan[n]
  if (planned === undefined) throw new Error(`There is no task ${n}.`)
  return planned
}

let filled = 0
/** Only this process can do it, and each handler stays until all slots are taken: one that leaked is missed then. */
const fill = defineTask<null, null, never, null, null, never>(FILLING, { requires: [life] })

const handlers = [
  fill.handler(async () => {
    filled++
    for (let i = 0; i < 500 && filled < SLOTS; i++) await pause(10)
    return null
  }),
  work.handler((input, ctx) => handle(ctx, scriptOf(input))),
  limited.handler((input, ctx) => handle(ctx, scriptOf(input))),
  followOn.handler((_input, ctx) => handle(ctx, { durationMs: 5, failures: 0, followOns: 0 })),
]
const agents = ['ana', 'beto', 'carla', 'dario', 'elena'].map((id) =>
  defineAgent(id, { capabilities: ['work', life], maxConcurrentTasks: SLOTS_PER_AGENT, handlers }),
)

const app = await createOrchestrator({
  agents,
  storage: await storageAt(settings.store),
  clock: { ...realClock, now: () => Date.now() + (settings.skewMs ?? 0) },
  // A task that is killed again and again is what this is about: it must end by its own doing.
  maxLost: 1_000,
  ...(leaseMs === undefined
    ? undefined
    : { leaseMs, heartbeatMs: leaseMs / 3, observeMs: leaseMs / 12, pollMs: leaseMs / 3 }),
})
app.on('task:*', (event) => {
  if (event.type !== 'task:completed' && event.type !== 'task:failed' && event.type !== 'task:cancelled') return
  if (event.task.type === FILLING) return
  log.write({ t: 'ended', id: event.task.id, status: event.task.status, life })
})
app.on('owner:renewed', ({ ownerId }) => log.write({ t: 'owner', life, owner: ownerId, at: Date.now() }))
log.write({ t: 'owner', life, owner: app.health().ownerId, at: Date.now() })

let isFinishing = false
process.stdin.setEncoding('utf8').once('data', () => {
  isFinishing = true
})
// A worker whose parent died must not stay behind.
process.stdin.once('end', () => process.exit(3))
process.stdout.write('up\n')

async function submit(planned: PlannedTask): Promise<void> {
  const {
    n,
    type,
    durationMs: _duration,
    failures: _failures,
    followOns: _followOns,
    cancelAfterMs,
    ...options
  } = planned
  const { id } = await app.submit(type === 'chaos.work' ? work : limited, { n }, options)
  log.write({ t: 'ack', n, id })
  if (cancelAfterMs === undefined) return
  await pause(cancelAfterMs)
  log.write({ t: 'cancelling', id })
  log.write({ t: 'cancelled', id, accepted: await app.coordinator.cancel(id, 'chaos') })
}

/** What was not acknowledged is submitted, or submitted again: nobody knows whether it is there. */
async function submitAll(): Promise<void> {
  const acknowledged = new Set(readChaosLog(settings.log).flatMap((line) => (line.t === 'ack' ? [line.n] : [])))
  const mine = plan.filter(({ n }) => n % settings.parts === settings.part && !acknowledged.has(n))
  const random = seededRandom(settings.seed + mine.length)
  const cancels: Promise<void>[] = []
  for (let at = 0; at < mine.length; ) {
    if (at >= settings.quota && !isFinishing) {
      await pause(10)
      continue
    }
    const burst = mine.slice(at, at + 1 + Math.floor(random.next() * 12))
    at += burst.length
    cancels.push(...burst.map(submit))
    await pause(isFinishing ? 1 : random.next() * 40)
  }
  await Promise.all(cancels)
}

async function unfinished(): Promise<boolean> {
  const { tasks } = await app.listTasks({ status: ['pending', 'running'], limit: 1 })
  return tasks.length > 0
}

/** The last one is done when the dead are forgotten too, so that nothing of theirs can be left either. */
async function finished(): Promise<boolean> {
  if (!isFinishing || (await unfinished())) return false
  const { owners } = await app.status()
  return !settings.isLast || owners.length === 1
}

async function fillAllSlots(): Promise<void> {
  // One that failed often is left out for a while: that is no leak.
  for (const { id } of agents) app.restore(id)
  const handles = await Promise.all(Array.from({ length: SLOTS }, () => app.submit(fill, null)))
  for (let i = 0; i < 500 && filled < SLOTS; i++) await pause(10)
  log.write({ t: 'filled', life, slots: filled })
  await Promise.all(handles.map((handle) => handle.result()))
}

await submitAll()
while (!(await finished())) await pause(50)
await fillAllSlots()
await pause((2 * (leaseMs ?? 3_000)) / 3)
await app.shutdown()
log.close()
process.stdin.destroy()
