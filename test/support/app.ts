import { type BatutaEvent, createOrchestrator, isBatutaError, type Logger, type OrchestratorOptions } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { afterEach } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'

const open: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** One line that was logged. */
export interface Line {
  readonly level: keyof Logger
  readonly fields: Record<string, unknown>
  readonly message: string | undefined
}

/** A logger that keeps what it is told. */
export function keepingLogger(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = []
  const keep = (level: keyof Logger) => (fields: object, message?: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}

/**
 * An orchestrator on a clock that moves only when told; shut down after the test. `until` moves the clock to the moment
 * when a promise settles.
 */
export async function startApp<TReply = unknown>(
  options: OrchestratorOptions<TReply> & { readonly clock?: VirtualClock } = {},
) {
  const clock = options.clock ?? new VirtualClock()
  const until = <T>(promise: Promise<T>, limitMs?: number) => clock.runUntil(promise, { limitMs }) as Promise<T>
  const app = await until(createOrchestrator<TReply>({ random: seededRandom(1), ...options, clock }))
  open.push(() => until(app.shutdown({ graceMs: 0 })))
  const events: BatutaEvent[] = []
  app.on('*', (event) => events.push(event))
  return {
    app,
    clock,
    until,
    events,
    /** The names of the events so far, of one family or all. */
    names: (family = '') => events.map(({ type }) => type).filter((type) => type.startsWith(family)),
    /** The error of ours that a promise rejects with. */
    failure: (promise: Promise<unknown>) => failureOf(until(promise)),
  }
}

/** The error of ours that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>) {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (isBatutaError(thrown)) return thrown
  throw new Error(`expected an error with a code, got ${String(thrown)}`, { cause: thrown })
}

/** A handler's promise that the test resolves: work that takes as long as the test says. */
export function gate<T = void>() {
  let open: (value: T) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open, fail }
}
