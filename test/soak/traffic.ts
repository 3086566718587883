/** What a busy application does, all of it, a little at a time: the traffic of a soak. */
import { setTimeout as pause } from 'node:timers/promises'
import {
  createOrchestrator,
  defineAgent,
  defineTask,
  isBatutaError,
  type MessageInput,
  type Orchestrator,
} from 'batuta'
import { seededRandom } from '../../src/internal/random.js'
import type { Storage } from '../../src/storage/storage.js'

/** What a task is to do: how long, how often to fail first, or for good. */
interface Work {
  readonly ms: number
  readonly fails?: number
}

const work = defineTask<Work, string, string, Work, string, string>('work', {
  retry: { maxRetries: 2, minDelayMs: 20, maxDelayMs: 50 },
})
const child = defineTask<number, number, never, number, number, never>('child', { maxConcurrentTasks: 10 })
const answer = defineTask<MessageInput, string, never, MessageInput, string, never>('answer', {})

/** Errors that the traffic is meant to cause. */
const EXPECTED = ['TASK_FAILED', 'TASK_CANCELLED', 'WAIT_TIMEOUT', 'SESSION_BUSY', 'ORDERING_BUSY', 'TASK_NOT_FOUND']
/** Operations under way at most: a store that is slower than asked for gets less, not a backlog. */
const MAX_OPEN = 200
const TICK_MS = 20

function agentOf(id: string) {
  return defineAgent(id, {
    maxConcurrentTasks: 20,
    handlers: [
      work.handler(async ({ ms, fails = 0 }, ctx) => {
        ctx.progress(0, 'begun')
        ctx.write('some')
        await pause(ms, undefined, { signal: ctx.signal })
        if (ctx.attempt <= fails) throw new Error(`attempt ${ctx.attempt} fails`)
        if (ms === 3) ctx.submit(child, ms)
        return 'x'.repeat(100)
      }),
      child.handler((n) => n),
      answer.handler(({ text }, ctx) => {
        ctx.session.update<number>('count', (count = 0) => count + 1)
        return `${text}! ${ctx.session.get('count')}`
      }),
    ],
  })
}

/** Starts a node with what traffic needs. Ended tasks and idle sessions go after `keepMs`. */
export function startNode(storage: Storage, keepMs: number): Promise<Orchestrator<string>> {
  const rule = { ageMs: keepMs, maxCount: 10_000 }
  return createOrchestrator<string>({
    agents: ['ana', 'beto', 'carla'].map(agentOf),
    storage,
    messages: { task: answer, sessionIdleMs: 1_000 },
    retention: { completed: rule, failed: rule, cancelled: rule, idleMs: keepMs },
    // Failures are part of the traffic, not of the agents.
    breaker: false,
    ejection: false,
    pollMs: 250,
  })
}

/** Keeps nodes busy until it is stopped. */
export class Traffic {
  /** What was done, by kind. */
  readonly done = new Map<string, number>()
  /** What must not have happened. */
  readonly problems: string[] = []
  readonly #random = seededRandom(7)
  #open = new Set<Promise<void>>()
  #number = 0
  #isStopped = false

  constructor(private readonly apps: readonly Orchestrator<string>[]) {}

  /** Does so many operations a second. Resolves when it was stopped and all that was under way has ended. */
  async run(perSecond: number): Promise<void> {
    const startedAt = performance.now()
    while (!this.#isStopped) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond
      while (this.#number < due && this.#open.size < MAX_OPEN) this.#start(this.#number++)
      // What could not be done in time is left out.
      this.#number = Math.max(this.#number, Math.floor(due))
      await pause(TICK_MS)
    }
    await Promise.all(this.#open)
  }

  stop(): void {
    this.#isStopped = true
  }

  #start(n: number): void {
    const app = this.apps[n % this.apps.length] as Orchestrator<string>
    const draw = this.#random.next()
    const [name, act] = MIX.find(([, , upTo]) => draw < upTo) ?? MIX[0]
    const other = this.apps[(n + 1) % this.apps.length] ?? app
    const running = act(app, n, other).then(
      () => void this.done.set(name, (this.done.get(name) ?? 0) + 1),
      (error: unknown) => {
        if (isBatutaError(error) && EXPECTED.includes(error.code)) this.done.set(name, (this.done.get(name) ?? 0) + 1)
        else this.problems.push(`${name}: ${error instanceof Error ? error.stack : error}`)
      },
    )
    this.#open.add(running)
    void running.finally(() => this.#open.delete(running))
  }
}

type Act = (app: Orchestrator<string>, n: number, other: Orchestrator<string>) => Promise<unknown>

/** What is done, and up to which draw. Names that come and go (keys, tenants, people) are drawn from the number: new ones all the time. */
const MIX: readonly [readonly [name: string, act: Act, upTo: number], ...(readonly [string, Act, number])[]] = [
  ['plain', (app, n, other) => plain(app, n, other), 0.35],
  ['waited for', (app, n) => app.run(work, { ms: n % 8 }), 0.5],
  ['failing once', (app) => app.run(work, { ms: 1, fails: 1 }), 0.56],
  ['failing', (app) => app.run(work, { ms: 1, fails: 9 }), 0.59],
  ['delayed', (app, n) => app.submit(work, { ms: 1 }, { delayMs: 100 + (n % 400) }), 0.64],
  ['ordered', (app, n) => app.run(work, { ms: 1 }, { orderingKey: `key ${n >> 5}` }), 0.74],
  [
    'keyed',
    (app, n) => app.run(work, { ms: 1 }, { idempotencyKey: `key ${n >> 4}`, tenant: `tenant ${n >> 8}` }),
    0.79,
  ],
  ['message', (app, n) => app.processMessage({ text: 'hello', from: `person ${n >> 6}`, messageId: `${n}` }), 0.87],
  ['cancelled', cancel, 0.91],
  ['streamed', stream, 0.95],
  ['given up', (app) => app.run(work, { ms: 50 }, { waitMs: 5 }), 0.97],
  ['explained', async (app) => (await app.submit(work, { ms: 1 })).explain(), 0.98],
  ['looked at', look, 0.995],
  ['agent', comeAndGo, 1],
]

/** Waited for at another node than the one that took it in. */
async function plain(app: Orchestrator<string>, n: number, other: Orchestrator<string>): Promise<void> {
  const { id } = await app.submit(work, { ms: n % 8 })
  await (await other.getTask(id))?.result()
}

async function cancel(app: Orchestrator<string>): Promise<void> {
  const task = await app.submit(work, { ms: 60_000 })
  await pause(5)
  await task.cancel('enough')
  await task.result()
}

async function stream(app: Orchestrator<string>): Promise<void> {
  const task = await app.submit(work, { ms: 2 })
  const attempts: number[] = []
  for await (const { attempt } of task.stream()) attempts.push(attempt)
  if (new Set(attempts).size < attempts.length) throw new Error(`more than one part of an attempt: ${attempts}`)
}

async function look(app: Orchestrator<string>): Promise<void> {
  const stop = app.on('*', () => undefined)
  await app.status()
  await app.listTasks({ limit: 20 })
  app.decisions({ limit: 10 })
  stop()
}

async function comeAndGo(app: Orchestrator<string>, n: number): Promise<void> {
  app.agent(`guest ${n}`, { maxConcurrentTasks: 1, handlers: [child.handler((input) => input)] })
  await pause(20)
  await app.removeAgent(`guest ${n}`)
}
