import { type Clock, createOrchestrator, defineTask, type Orchestrator, type StrategyName, staticSchema } from 'batuta'

/** The agents, each with four slots. What makes them different is how they do their work. */
export const AGENTS = ['ann', 'bob', 'slow', 'broken'] as const

const SLOTS = 4
const MEAN_MS = 60
const SLOWER = 4
/** Of what the two good agents and the slow one can do together: 2 x 4 slots at 60 ms and 4 slots at 240 ms. */
const LOAD = 0.55
export const TASKS_PER_SECOND = (LOAD * (2 * SLOTS + SLOTS / SLOWER) * 1_000) / MEAN_MS

const work = defineTask('work', {
  input: staticSchema<{ ms: number }>(),
  output: staticSchema<string>(),
  retry: { maxRetries: 5, minDelayMs: 20, maxDelayMs: 200 },
})

/** How a strategy does at one moment. */
export interface Standing {
  readonly strategy: StrategyName
  /** Attempts that each agent got, in the order of {@link AGENTS}. */
  readonly attempts: readonly number[]
  readonly done: number
  /** From submit to result, in milliseconds; 0 while nothing is done. */
  readonly p50: number
  readonly p95: number
}

/** One strategy with a team of its own. */
export class Contest {
  readonly #strategy: StrategyName
  readonly #clock: Clock
  readonly #app: Orchestrator
  readonly #attempts = AGENTS.map(() => 0)
  readonly #tookMs: number[] = []

  private constructor(strategy: StrategyName, clock: Clock, app: Orchestrator) {
    this.#strategy = strategy
    this.#clock = clock
    this.#app = app
  }

  static async start(strategy: StrategyName, clock: Clock): Promise<Contest> {
    // A team that fails a quarter of its attempts must be allowed to repeat as many.
    const app = await createOrchestrator({ router: strategy, clock, retryBudget: { ratio: 1 } })
    const contest = new Contest(strategy, clock, app)
    AGENTS.forEach((id, index) => {
      const run = work.handler(async ({ ms }, { signal }) => {
        contest.#attempts[index] = (contest.#attempts[index] ?? 0) + 1
        if (id === 'broken') throw new Error('I am broken, and quick about it')
        await contest.#sleep(id === 'slow' ? SLOWER * ms : ms, signal)
        return id
      })
      app.agent(id, { maxConcurrentTasks: SLOTS, handlers: [run] })
    })
    return contest
  }

  /** Has one task done. */
  async run(ms: number): Promise<void> {
    const startedMs = this.#clock.monotonic()
    await this.#app.run(work, { ms })
    this.#tookMs.push(this.#clock.monotonic() - startedMs)
  }

  standing(): Standing {
    const sorted = [...this.#tookMs].sort((a, b) => a - b)
    const at = (q: number) => sorted[Math.ceil(q * sorted.length) - 1] ?? 0
    return { strategy: this.#strategy, attempts: [...this.#attempts], done: sorted.length, p50: at(0.5), p95: at(0.95) }
  }

  /** Why the last task went where it went. */
  lastDecision(): string {
    return String(this.#app.decisions({ limit: 1 })[0] ?? 'Nothing was decided.')
  }

  async stop(): Promise<void> {
    await this.#app.shutdown()
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(resolve, ms)
      signal.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
      })
    })
  }
}

/** Exponentially distributed durations, the same in every race: a linear congruential generator is random enough. */
export function durations(): () => number {
  let state = 42
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return -MEAN_MS * Math.log((state + 1) / 2 ** 32)
  }
}
