/**
 * From what a caller says to what is stored: checks input and options, and writes a `TaskSpec`. Nothing is written here.
 */
import { atIndex, BatutaError } from '../../errors/base-error.js'
import { suggest } from '../../internal/did-you-mean.js'
import type { Router } from '../../router/router.js'
import type { StagedSubmitOptions } from '../../task/context.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { copyJson, inputHash } from '../../task/json-value.js'
import { ANY_TYPE, laneOf } from '../../task/lane.js'
import { newTask, type TaskSpec } from '../../task/new-task.js'
import { type ResolvedSubmit, resolveAdHocTask, resolveSubmitOptions } from '../../task/resolve-submit.js'
import { checkInput } from '../../task/schema-check.js'
import type { AdHocTask, SubmitOptions, WaitOptions } from '../../task/submit-options.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { AgentRegistry } from '../agents/agent-registry.js'
import type { NodeContext } from '../node-context.js'
import type { Submission } from '../submit.js'
import { turnIdOf } from '../turns.js'

/** Which call it is: they differ in the options that they take. */
type Call = 'submit' | 'run' | 'staged'

/** A request that passed all checks. */
export interface Request {
  readonly submission: Submission
  readonly definition: AnyTaskDefinition | undefined
  readonly resolved: ResolvedSubmit
}

/** Makes requests of what callers say. */
export class Requests {
  constructor(
    private readonly node: NodeContext,
    private readonly registry: AgentRegistry,
    private readonly router: Router,
  ) {}

  /**
   * @throws INPUT_INVALID, OPTIONS_INVALID, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, STRATEGY_UNKNOWN and, with `strict`, the
   * unknown.
   */
  typed(
    definition: AnyTaskDefinition,
    input: unknown,
    options: (SubmitOptions & WaitOptions) | undefined,
    call: Call,
    index?: number,
  ): Request {
    try {
      this.registry.define(definition)
      const resolved = resolveSubmitOptions(definition, options, this.#settings(call))
      checkInput(definition, input, index)
      return this.#request(resolved, input, definition)
    } catch (error) {
      throw index === undefined ? error : atIndex(error, index)
    }
  }

  /**
   * A task without a definition; one that is known under its type still checks the input.
   * @param second - what the caller gave besides.
   */
  adHoc(task: AdHocTask & WaitOptions, call: 'submit' | 'run', second?: unknown): Request {
    const resolved = resolveAdHocTask(task, this.#settings(call), second)
    const definition = resolved.type === ANY_TYPE ? undefined : this.registry.definition(resolved.type)
    if (definition !== undefined) checkInput(definition, task.input)
    return this.#request(resolved, task.input, definition)
  }

  /** A task that a handler stages: made in the commit of its parent's result, in the same tenant and session. */
  staged(
    parent: TaskRecord,
    definition: AnyTaskDefinition,
    input: unknown,
    options: StagedSubmitOptions | undefined,
  ): TaskRecord {
    refuseStagedOptions(options)
    const { submission, resolved } = this.typed(definition, input, options, 'staged')
    const child: TaskSpec = {
      ...submission.spec,
      tenant: parent.tenant,
      parentId: parent.id,
      sessionId: parent.sessionId,
      turnKey: turnKeyOf(parent.tenant, resolved.orderingKey, parent.sessionId),
    }
    return newTask(child, this.node.newId(), this.node.time.now(), this.node.settings.boosts)
  }

  #settings<C extends Call>(call: C) {
    return { now: this.node.time.now(), maxBytes: this.node.settings.maxPayloadBytes, call }
  }

  #request(resolved: ResolvedSubmit, input: unknown, definition: AnyTaskDefinition | undefined): Request {
    // Here, and not where it is used: by then nobody is left who could be told.
    if (resolved.strategy !== undefined) this.router.strategyFor(resolved.strategy)
    const copy = copyJson(input, { maxBytes: this.node.settings.maxPayloadBytes, what: 'input' })
    this.#checkServed(resolved)
    const { sessionId, whenBusy } = resolved
    // Named one by one: on the way of every task, where copying the rest of an object costs ten times as much.
    const spec: TaskSpec = {
      type: resolved.type,
      requires: resolved.requires,
      tenant: resolved.tenant,
      priority: resolved.priority,
      input: copy.value,
      runAt: resolved.runAt,
      expiresAt: resolved.expiresAt,
      timeoutMs: resolved.timeoutMs,
      strategy: resolved.strategy,
      fallbackAgents: resolved.fallbackAgents,
      metadata: resolved.metadata,
      idempotencyKey: resolved.idempotencyKey,
      turnKey: turnKeyOf(resolved.tenant, resolved.orderingKey, sessionId),
      sessionId,
    }
    const hash = resolved.idempotencyKey === undefined ? undefined : inputHash(copy.value)
    return { submission: { spec, bytes: copy.bytes + 512, inputHash: hash, whenBusy }, definition, resolved }
  }

  /** A capability or type that nobody here has is probably misspelled: an error if `strict`, else a warning. */
  #checkServed(resolved: ResolvedSubmit): void {
    if (this.registry.lane(laneOf(resolved.type, resolved.requires)).members > 0) return
    const { capabilities, types, hasCatchAll } = this.registry.vocabulary()
    const problem =
      resolved.requires
        .map((capability) => unknownCapability(capability, capabilities))
        .find((error) => error !== undefined) ??
      (hasCatchAll || resolved.type === ANY_TYPE ? undefined : unknownType(resolved.type, types))
    if (problem === undefined) return
    if (this.node.settings.strict) throw problem
    this.node.log.warn({ type: resolved.type, requires: resolved.requires, code: problem.code }, problem.message)
  }
}

function turnKeyOf(tenant: string, orderingKey: string | undefined, sessionId: string | undefined): string | undefined {
  if (orderingKey !== undefined) return turnIdOf(tenant, 'user', orderingKey)
  return sessionId === undefined ? undefined : turnIdOf(tenant, 'session', sessionId)
}

function unknownCapability(capability: string, known: ReadonlySet<string>): BatutaError | undefined {
  if (known.has(capability)) return undefined
  const didYouMean = suggest(capability, known)
  return new BatutaError('CAPABILITY_UNKNOWN', `No agent here has the capability "${capability}".`, {
    data: { capability, ...(didYouMean === undefined ? undefined : { didYouMean }) },
    fix: didYouMean === undefined ? 'Register an agent that has it.' : `Did you mean "${didYouMean}"?`,
  })
}

function unknownType(taskType: string, known: ReadonlySet<string>): BatutaError | undefined {
  if (known.has(taskType)) return undefined
  const didYouMean = suggest(taskType, known)
  return new BatutaError('TASK_TYPE_UNKNOWN', `No agent here handles tasks of type "${taskType}".`, {
    data: { taskType, ...(didYouMean === undefined ? undefined : { didYouMean }) },
    fix: didYouMean === undefined ? 'Register an agent with a handler for it.' : `Did you mean "${didYouMean}"?`,
  })
}

/** What a staged task can't honour. */
function refuseStagedOptions(options: object | undefined): void {
  const refused = ['idempotencyKey', 'whenBusy', 'sessionId', 'tenant'].filter(
    (key) => (options as Record<string, unknown> | undefined)?.[key] !== undefined,
  )
  if (refused.length === 0) return
  const issues = refused.map((key) => ({ path: [key], message: 'is not for a task that a handler stages' }))
  throw new BatutaError('OPTIONS_INVALID', `ctx.submit: ${refused.join(', ')}: not for a task that a handler stages.`, {
    data: { issues },
    fix: 'It is created exactly once, in the tenant and session of its parent.',
  })
}
