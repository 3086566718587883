import type { RoutingStrategy } from '../router/routing-strategy.js'
import type { TaskContext } from './context.js'
import type { Cost, LimitOptions } from './limits.js'
import type { Priority } from './priority.js'
import type { RetryPolicy } from './retry-policy.js'
import type { StandardSchema } from './standard-schema.js'
import type { StrategyName } from './strategy-name.js'
import type { SubmitOptions } from './submit-options.js'

/** When a failed attempt is repeated; what is left out is the application's `retry`: 3 retries, 1 s to 60 s, factor 2. */
export interface RetryOptions extends Partial<{ readonly [K in keyof RetryPolicy]: RetryPolicy[K] | undefined }> {
  /** Asked for errors that are not marked as final: `false` means no retry. By default everything is retried but NonRetryableError. */
  readonly retryIf?: ((error: unknown, attempt: number) => boolean) | undefined
}

/** What a fallback function gets: a task context with the error that used up the attempts. */
export type FallbackContext<TWrite> = TaskContext<TWrite> & { readonly error: unknown }

/** A definition's options. The last four type parameters are inferred from the schemas. */
export interface TaskOptions<TInput, TOutput, TPart, TParsed, TReturn, TWrite> extends LimitOptions {
  /** What may be sent. Checked at submit; parsed again for each attempt, so it must be deterministic. */
  readonly input?: StandardSchema<TInput, TParsed> | undefined
  /** What a handler may return. Checked before the result is stored; parsed again for each `result()`. */
  readonly output?: StandardSchema<TReturn, TOutput> | undefined
  /** What a handler may `ctx.write()`. */
  readonly stream?: StandardSchema<TWrite, TPart> | undefined
  /** Capabilities that an agent must have, all of them. Default none. */
  readonly requires?: readonly string[] | undefined
  /** Longest duration of one attempt, in milliseconds. Default: the application's `taskTimeoutMs` (60,000). */
  readonly timeoutMs?: number | undefined
  /** An attempt that calls neither `ctx.progress` nor `ctx.write` for this long is ended as TASK_STALLED. Default: no limit. */
  readonly stallAfterMs?: number | undefined
  /** `false`: one attempt only. */
  readonly retry?: RetryOptions | false | undefined
  readonly priority?: Priority | undefined
  /** Decides which agent gets tasks of this type: a name, or a strategy. Default: the router's. */
  readonly strategy?: StrategyName | RoutingStrategy | undefined
  /** At most this many attempts of this type run at once, over all nodes. Default: no limit. */
  readonly maxConcurrentTasks?: number | undefined
  /**
   * What an attempt may cost: reserved before it starts where it, or its agent, has a `budget`. What the handler then reports
   * counts instead, and the estimate counts for what it does not report. Synchronous; one that throws counts as nothing.
   */
  readonly estimate?: ((input: NoInfer<TParsed>) => Cost) | undefined
  /** Runs once when retries and fallback agents are used up; what it returns is the task's result. */
  readonly fallback?:
    | ((input: NoInfer<TParsed>, ctx: FallbackContext<NoInfer<TWrite>>) => NoInfer<TReturn> | Promise<NoInfer<TReturn>>)
    | undefined
  /** Options for every submit that does not give its own. */
  readonly defaults?: SubmitOptions | undefined
}

/** A definition's options with the types left out: what registries and the coordinator read. */
export interface DefinitionOptions
  extends Omit<TaskOptions<unknown, unknown, unknown, unknown, unknown, unknown>, 'estimate' | 'fallback'> {
  readonly estimate?: ((input: unknown) => Cost) | undefined
  readonly fallback?: ((input: unknown, ctx: FallbackContext<unknown>) => unknown) | undefined
}

/**
 * The typed contract of a task type. Any agent may implement it.
 *
 * Four types: `TInput` is what `submit` takes, `TParsed` what the handler gets, `TReturn` what it returns, `TOutput` what
 * `result()` gives; and two for stream parts: `TWrite` in, `TPart` out.
 */
export interface TaskDefinition<
  in TInput = never,
  out TOutput = unknown,
  out TPart = unknown,
  out TParsed = unknown,
  in TReturn = never,
  in TWrite = never,
> {
  readonly kind: 'batuta.task'
  readonly type: string
  /** As given to `defineTask`. */
  readonly options: DefinitionOptions
  /** Binds a function that does the work of this definition. Give it to `defineAgent`. */
  handler(fn: (input: TParsed, ctx: TaskContext<TWrite>) => TReturn | Promise<TReturn>): TaskHandler
  /** @internal Carries the types without holding a value. */
  readonly '~types'?: {
    readonly input: (value: TInput) => void
    readonly output: TOutput
    readonly part: TPart
    readonly parsed: TParsed
    readonly returns: (value: TReturn) => void
    readonly writes: (value: TWrite) => void
  }
}

/** A function bound to a definition. Not generic, so that handlers of many types fit in one list. */
export interface TaskHandler {
  readonly kind: 'batuta.handler'
  readonly definition: AnyTaskDefinition
  readonly run: (input: unknown, ctx: TaskContext<unknown>) => unknown
}

/** Any definition, whatever its types: what registries keep. */
export type AnyTaskDefinition = TaskDefinition<never, unknown, unknown, unknown, never, never>

/** What `submit` takes for a definition. */
export type InferInput<D extends AnyTaskDefinition> = D extends TaskDefinition<infer I> ? I : never
/** What `result()` gives. */
export type InferOutput<D extends AnyTaskDefinition> = D extends TaskDefinition<never, infer O> ? O : never
/** What `task.stream()` yields as `data`. */
export type InferPart<D extends AnyTaskDefinition> = D extends TaskDefinition<never, unknown, infer P> ? P : never
/** A function that `definition.handler()` takes: for handlers written apart from it. */
export type InferHandler<D extends AnyTaskDefinition> = Parameters<D['handler']>[0]
