import type { Priority } from '../../task/priority.js'
import { Draw } from './draw.js'

/** What the nodes under test can do: the generator leaves out what they can't. */
export interface Features {
  /** `ctx.session` and `sessionId`. */
  readonly sessions: boolean
  /** Agents that fetch their work with `claimTasks`. */
  readonly polling: boolean
  /** Messages: `processMessage`. */
  readonly messages: boolean
  /** Saying why a task is pending. */
  readonly explain: boolean
}

/** A task type. */
export interface TypePlan {
  readonly type: string
  readonly requires: readonly string[]
  readonly timeoutMs: number
  readonly maxRetries: number
  /** `maxConcurrentTasks`. */
  readonly limit?: number
  /** `rateLimit`, over all nodes. */
  readonly rate?: { readonly limit: number; readonly perMs: number }
  /** Has a fallback function. */
  readonly fallback?: boolean
  /** Its input schema throws. */
  readonly broken?: boolean
}

/** An agent. Without types it takes any type whose requirements it meets. */
export interface AgentPlan {
  readonly id: string
  readonly capabilities: readonly string[]
  readonly slots: number
  readonly types: readonly string[]
  /** It fetches its work with `claimTasks`; its claims last so long, in milliseconds. */
  readonly leaseMs?: number
}

/** A task that an attempt stages. */
export interface ChildPlan {
  readonly type: string
  readonly input: ScriptInput
  readonly orderingKey?: string
  readonly delayMs?: number
}

/** What a handler does in one attempt. */
export interface AttemptScript {
  readonly workMs: number
  readonly end: 'return' | 'throw' | 'throw-final' | 'retry-after'
  /** When its signal aborts: stop at once, return a result all the same, or not take notice. */
  readonly onAbort: 'stop' | 'return' | 'ignore'
  readonly children?: readonly ChildPlan[]
  /** Adds one to the session's counter and sets a key to who did it. */
  readonly context?: boolean
}

/** The input of every task: what its handler does, by attempt; the last one repeats. */
export interface ScriptInput {
  readonly ref: number
  readonly attempts: readonly AttemptScript[]
}

/** One task and what its submitter does. Times are virtual milliseconds from the start. */
export interface TaskPlan {
  readonly ref: number
  readonly atMs: number
  /** The number of the node that it is submitted at, if that is up. */
  readonly node: number
  /** Absent: an ad hoc task for any agent with the requirements. */
  readonly type?: string
  readonly requires: readonly string[]
  readonly input: ScriptInput
  readonly options: TaskPlanOptions
  /** How long after its submit it is cancelled. */
  readonly cancelAfterMs?: number
  /** The same submit once more, at other nodes; only with an idempotency key. */
  readonly repeats: readonly { readonly node: number; readonly afterMs: number }[]
}

/** Options of a submit. */
export interface TaskPlanOptions {
  readonly priority?: Priority
  readonly delayMs?: number
  readonly idempotencyKey?: string
  readonly orderingKey?: string
  readonly whenBusy?: 'enqueue' | 'reject' | 'interrupt'
  readonly sessionId?: string
  readonly tenant?: string
  readonly timeoutMs?: number
  readonly expiresInMs?: number
  readonly fallbackAgents?: readonly string[]
}

/** A message and what its sender does. */
export interface MessagePlan {
  readonly messageId: string
  readonly from: string
  readonly atMs: number
  readonly node: number
  /** What the handler of the task that answers it does. */
  readonly script: ScriptInput
  /** The same message once more, at other nodes. */
  readonly repeats: readonly { readonly node: number; readonly afterMs: number }[]
}

/** Everything that a run is asked to do. */
export interface Workload {
  readonly messages: readonly MessagePlan[]
  /** What happens to messages while their session is busy. */
  readonly whenBusy: 'enqueue' | 'reject' | 'interrupt' | 'merge'
  readonly mergeMs: number
  readonly types: readonly TypePlan[]
  readonly agents: readonly AgentPlan[]
  readonly tasks: readonly TaskPlan[]
  /** Over this time tasks are submitted. */
  readonly activeMs: number
}

/**
 * What a run may have more of than usual. `messages`: little but messages that are merged, of two people who hardly stop.
 * `owners`: processes that stand still or are cut off for about as long as a lease, again and again.
 */
export type Focus = 'messages' | 'owners'

/** What to make a workload of; what is left out is drawn by seed. */
export interface WorkloadOptions {
  readonly seed: number
  readonly nodes: number
  readonly tasks?: number | undefined
  readonly activeMs?: number | undefined
  readonly focus?: Focus | undefined
  readonly features: Features
}

/** Makes a workload: the same one for the same options. */
export function makeWorkload(options: WorkloadOptions): Workload {
  const draw = Draw.of(options.seed, 'workload')
  const isChat = options.focus === 'messages'
  const isBurst = draw.chance(0.08) && !isChat
  const count = options.tasks ?? (isBurst ? draw.int(100, 200) : isChat ? draw.int(0, 4) : draw.int(8, 48))
  const activeMs = options.activeMs ?? (isBurst ? 2_000 : draw.int(4_000, isChat ? 8_000 : 20_000))
  const types = withRates(makeTypes(draw), Draw.of(options.seed, 'rates'))
  const agents = makeAgents(draw, options.features.polling)
  const maker = new TaskMaker(draw, options, types, agents, isBurst)
  const tasks = Array.from({ length: count }, () => maker.task(draw.int(0, activeMs)))
  const chat = Draw.of(options.seed, 'messages')
  const hasMessages = options.features.messages && (isChat || (!isBurst && chat.chance(0.4)))
  return {
    types,
    agents,
    tasks,
    activeMs,
    messages: hasMessages ? makeMessages(chat, options.nodes, activeMs) : [],
    whenBusy: isChat ? 'merge' : chat.pick(['enqueue', 'reject', 'interrupt', 'merge', 'merge']),
    mergeMs: chat.pick([0, 50, 400, 2_000]),
  }
}

/** Few people who write much: their sessions are busy most of the time. */
function makeMessages(draw: Draw, nodes: number, activeMs: number): MessagePlan[] {
  return Array.from({ length: draw.int(4, 30) }, (_, i) => ({
    messageId: `m${i}`,
    from: draw.pick(['ana', 'bob']),
    atMs: draw.int(0, activeMs),
    node: draw.int(0, nodes - 1),
    script: {
      ref: 10_000 + i,
      attempts: Array.from({ length: draw.int(1, 2) }, () => ({
        workMs: draw.duration(1, 1_500),
        end: draw.chance(0.15) ? 'throw' : 'return',
        onAbort: draw.pick(['stop', 'return', 'ignore']),
        context: draw.chance(0.5),
      })),
    },
    repeats: Array.from({ length: draw.int(0, 2) }, () => ({
      node: draw.int(0, nodes - 1),
      afterMs: draw.pick([0, 0, draw.duration(1, 5_000)]),
    })),
  }))
}

/** The type of the task that answers messages. */
export const ANSWER = 'answer'

/** Some types may start only so often, over all nodes. */
function withRates(types: readonly TypePlan[], draw: Draw): TypePlan[] {
  const rated = draw.pick([[], ['priced'], ['plain', 'limited']])
  return types.map((type) => {
    if (!rated.includes(type.type)) return type
    return { ...type, rate: { limit: draw.int(1, 4), perMs: draw.pick([200, 350, 500]) } }
  })
}

function makeTypes(draw: Draw): TypePlan[] {
  return [
    { type: 'plain', requires: [], timeoutMs: 30_000, maxRetries: 3 },
    { type: 'priced', requires: ['pricing'], timeoutMs: draw.int(1_000, 8_000), maxRetries: 2 },
    { type: 'limited', requires: [], timeoutMs: 10_000, maxRetries: 2, limit: draw.int(1, 3) },
    { type: 'rescued', requires: ['pricing'], timeoutMs: 5_000, maxRetries: draw.int(0, 1), fallback: true },
    { type: 'limited-rescued', requires: [], timeoutMs: 5_000, maxRetries: 1, limit: 2, fallback: true },
    { type: ANSWER, requires: [], timeoutMs: 10_000, maxRetries: 2 },
    { type: 'broken', requires: [], timeoutMs: 5_000, maxRetries: 0, broken: true },
  ]
}

function makeAgents(draw: Draw, polling: boolean): AgentPlan[] {
  const named = ['plain', 'priced', 'limited', 'rescued', 'limited-rescued', 'broken', ANSWER]
  const agents: AgentPlan[] = [
    { id: 'clerk', capabilities: ['pricing'], slots: draw.int(1, 3), types: [] },
    { id: 'worker', capabilities: ['pricing', 'drawing'], slots: draw.int(1, 4), types: named },
  ]
  if (draw.chance(0.6)) agents.push({ id: 'temp', capabilities: [], slots: 1, types: ['plain', 'limited'] })
  if (draw.chance(0.4)) agents.push({ id: 'expert', capabilities: ['pricing'], slots: 2, types: ['priced', 'rescued'] })
  if (draw.chance(0.4) && polling) {
    const leaseMs = draw.pick([1_000, 3_000, 10_000])
    agents.push({ id: 'caller', capabilities: ['pricing'], slots: 2, types: ['plain', 'priced'], leaseMs })
  }
  return agents
}

class TaskMaker {
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
