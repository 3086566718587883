import type { Draw } from './draw.js'
import type {
  AgentPlan,
  AttemptScript,
  ChildPlan,
  ScriptInput,
  TaskPlan,
  TaskPlanOptions,
  TypePlan,
  WorkloadOptions,
} from './workload.js'

/** Draws the tasks of a run, and what is done with them. */
export class TaskMaker {
  readonly #draw: Draw
  readonly #options: WorkloadOptions
  readonly #types: readonly TypePlan[]
  readonly #agents: readonly AgentPlan[]
  readonly #isBurst: boolean
  readonly #mix: { readonly ordered: number; readonly cancel: number; readonly failing: number; readonly slow: number }
  #refs = 0

  constructor(
    draw: Draw,
    options: WorkloadOptions,
    types: readonly TypePlan[],
    agents: readonly AgentPlan[],
    isBurst: boolean,
  ) {
    this.#draw = draw
    this.#options = options
    this.#types = types
    this.#agents = agents
    this.#isBurst = isBurst
    // Each run leans another way, so that rare combinations are not always diluted by everything else.
    this.#mix = {
      ordered: draw.pick([0.2, 0.5, 0.9]),
      cancel: draw.pick([0, 0.1, 0.35]),
      failing: draw.pick([0.1, 0.35]),
      slow: draw.pick([0.02, 0.1, 0.3]),
    }
  }

  task(atMs: number): TaskPlan {
    const draw = this.#draw
    const isAdHoc = !this.#isBurst && draw.chance(0.1)
    const type = this.#isBurst ? this.#typeNamed('plain') : this.#anyType()
    const input = this.#script(0)
    const options = this.#isBurst ? this.#burstOptions() : this.#taskOptions(input.ref, atMs)
    return {
      ref: input.ref,
      atMs,
      node: draw.int(0, this.#options.nodes - 1),
      ...(isAdHoc ? undefined : { type: type.type }),
      requires: isAdHoc ? draw.pick([[], ['pricing']]) : type.requires,
      input,
      options,
      ...(draw.chance(this.#mix.cancel) ? { cancelAfterMs: draw.duration(1, 10_000) } : undefined),
      repeats: options.idempotencyKey === undefined ? [] : this.#repeats(),
    }
  }

  #anyType(): TypePlan {
    return this.#draw.chance(0.03) ? this.#typeNamed('broken') : this.#draw.pick(this.#types.slice(0, -2))
  }

  #typeNamed(name: string): TypePlan {
    return this.#types.find((type) => type.type === name) ?? this.#draw.pick(this.#types)
  }

  #burstOptions(): TaskPlanOptions {
    const draw = this.#draw
    return { tenant: draw.pick(['default', 'default', 'acme', 'zenith']), priority: draw.pick(['normal', 'low']) }
  }

  #taskOptions(ref: number, atMs: number): TaskPlanOptions {
    const draw = this.#draw
    const isOrdered = draw.chance(this.#mix.ordered)
    const inSession = isOrdered && this.#options.features.sessions && draw.chance(0.4)
    const key = isOrdered && !inSession ? `k${draw.int(1, 3)}` : undefined
    const isDelayed = draw.chance(0.15)
    return {
      ...(key === undefined ? undefined : { orderingKey: key }),
      ...(inSession ? { sessionId: `s${draw.int(1, 2)}` } : undefined),
      ...(isOrdered && !isDelayed && draw.chance(0.25)
        ? { whenBusy: draw.pick(['reject', 'interrupt'] as const) }
        : undefined),
      ...(isDelayed ? { delayMs: draw.duration(1, 8_000) } : undefined),
      ...(draw.chance(0.4) ? { idempotencyKey: `i${ref}` } : undefined),
      ...(draw.chance(0.3) ? { priority: draw.pick(['low', 'high', 'critical'] as const) } : undefined),
      // A key belongs to a tenant, so ordered tasks share one: the number of the key says which.
      ...(draw.chance(0.3) && !isOrdered ? { tenant: draw.pick(['acme', 'zenith']) } : undefined),
      ...(draw.chance(0.15) ? { timeoutMs: draw.duration(50, 4_000) } : undefined),
      ...(draw.chance(0.1) ? { expiresInMs: draw.duration(200, 20_000) + (atMs > 0 ? 0 : 1) } : undefined),
      ...(draw.chance(0.15) ? { fallbackAgents: [draw.pick(this.#agents).id] } : undefined),
    }
  }

  #repeats(): TaskPlan['repeats'] {
    const draw = this.#draw
    return Array.from({ length: draw.int(0, 2) }, () => ({
      node: draw.int(0, this.#options.nodes - 1),
      afterMs: draw.pick([0, 0, draw.duration(1, 5_000)]),
    }))
  }

  #script(depth: number): ScriptInput {
    const draw = this.#draw
    const ref = ++this.#refs
    const attempts = Array.from({ length: draw.int(1, 3) }, () => this.#attempt(depth))
    return { ref, attempts }
  }

  #attempt(depth: number): AttemptScript {
    const draw = this.#draw
    const { failing, slow } = this.#mix
    const isSlow = draw.chance(slow)
    const children = depth < 2 && !this.#isBurst && draw.chance(0.15) ? this.#children(depth) : []
    return {
      workMs: isSlow ? draw.duration(1_000, 12_000) : draw.duration(1, 400),
      end: draw.chance(failing) ? draw.pick(['throw', 'throw', 'throw-final', 'retry-after']) : 'return',
      onAbort: draw.pick(['stop', 'stop', 'return', 'ignore']),
      ...(children.length > 0 ? { children } : undefined),
      ...(this.#options.features.sessions && draw.chance(0.3) ? { context: true } : undefined),
    }
  }

  #children(depth: number): ChildPlan[] {
    const draw = this.#draw
    return Array.from({ length: draw.int(1, 2) }, () => ({
      type: draw.pick(['plain', 'limited', 'priced']),
      input: this.#script(depth + 1),
      ...(draw.chance(0.4) ? { orderingKey: `k${draw.int(1, 3)}` } : undefined),
      ...(draw.chance(0.2) ? { delayMs: draw.duration(1, 3_000) } : undefined),
    }))
  }
}
