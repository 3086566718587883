import type { Clock } from '../../internal/clock.js'
import type { EventLog, HandlerRun } from './event-log.js'
import type { AttemptScript, ChildPlan, ScriptInput } from './workload.js'

/** What a script may ask of its context: the part of a task context that simulated handlers use. */
export interface ScriptContext {
  readonly signal: AbortSignal
  readonly attempt: number
  readonly taskId: string
  progress(fraction: number): void
  stage(child: ChildPlan): void
  /** Stages a change of the session's context. */
  update(key: string, fn: (value: unknown) => unknown): void
  readonly hasSession: boolean
  /** Makes the errors that handlers may throw. */
  readonly errors: { final(message: string): Error; retryAfter(message: string, ms: number): Error }
}

/** Who runs a script. */
export interface ScriptHost {
  readonly node: string
  readonly agentId: string
  readonly clock: Clock
  readonly log: EventLog
}

/** What every simulated handler returns: `run` names the very run that made it. */
export interface ScriptOutput {
  readonly ref: number
  readonly run: number
}

/**
 * Does what the input says for this attempt and writes down when it began, was aborted and ended. Runs on its process's
 * clock, so it stands still and dies with it.
 */
export async function runScript(host: ScriptHost, input: ScriptInput, ctx: ScriptContext): Promise<ScriptOutput> {
  const script = input.attempts[Math.min(ctx.attempt, input.attempts.length) - 1]
  if (script === undefined) throw new RangeError('A script needs an attempt')
  const { log, node, agentId } = host
  const run: HandlerRun = { node, agentId, taskId: ctx.taskId, attempt: ctx.attempt, run: log.events.length }
  log.add({ type: 'handler:start', ...run })
  const onAbort = () => log.add({ type: 'handler:abort', ...run, reason: codeOf(ctx.signal.reason) })
  if (ctx.signal.aborted) onAbort()
  else ctx.signal.addEventListener('abort', onAbort, { once: true })
  try {
    await work(host.clock, script, ctx)
    for (const child of script.children ?? []) ctx.stage(child)
    const counted = script.context === true && ctx.hasSession
    if (counted) stageContext(ctx)
    throwIfPlanned(script, ctx)
    log.add({ type: 'handler:return', ...run, counted })
    return { ref: input.ref, run: run.run }
  } catch (error) {
    log.add({
      type: 'handler:throw',
      ...run,
      error: error instanceof Error ? error.message.slice(0, 60) : String(error),
    })
    throw error
  } finally {
    ctx.signal.removeEventListener('abort', onAbort)
  }
}

async function work(clock: Clock, script: AttemptScript, ctx: ScriptContext): Promise<void> {
  const half = script.workMs / 2
  await sleep(clock, half, script.onAbort === 'ignore' ? undefined : ctx.signal)
  ctx.progress(0.5)
  await sleep(clock, half, script.onAbort === 'ignore' ? undefined : ctx.signal)
  if (ctx.signal.aborted && script.onAbort === 'stop') throw new Error('stopped by its signal')
}

function stageContext(ctx: ScriptContext): void {
  ctx.update('count', (value) => (typeof value === 'number' ? value : 0) + 1)
  ctx.update('last', () => ({ taskId: ctx.taskId, attempt: ctx.attempt }))
}

function throwIfPlanned(script: AttemptScript, ctx: ScriptContext): void {
  if (script.end === 'throw') throw new Error('planned failure')
  if (script.end === 'throw-final') throw ctx.errors.final('planned final failure')
  if (script.end === 'retry-after') throw ctx.errors.retryAfter('planned retry', 700)
}

/** Ends early when the signal aborts. */
function sleep(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const onAbort = () => {
      timer.cancel()
      resolve()
    }
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function codeOf(reason: unknown): string {
  if (typeof reason === 'object' && reason !== null && 'code' in reason) return String(reason.code)
  return reason instanceof Error ? reason.name : String(reason)
}
