import type PQueue from 'p-queue'
import type { InstanceLoad } from '../../router/instance-load.js'
import type { AgentDefinition, AgentOptions } from '../../task/agent.js'
import type { CatchAllHandler, TaskContext } from '../../task/context.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { ANY_TYPE, type Lane } from '../../task/lane.js'
import { handlerQueue } from '../handler/handler-queue.js'
import type { Gate } from '../limits/gate.js'

/** How long a claim of a polling agent lasts unless extended. */
export const DEFAULT_CLAIM_LEASE_MS = 30_000

/** What runs a task: a function, and the definition it is bound to if any. */
export interface BoundHandler {
  readonly definition: AnyTaskDefinition | undefined
  readonly run: (input: unknown, ctx: TaskContext<unknown>) => unknown
}

/** One agent on this node: what it can do, its live numbers, and the queue that runs its handlers. */
export class AgentInstance {
  readonly id: string
  readonly name: string
  readonly options: AgentOptions
  readonly isPolling: boolean
  readonly leaseMs: number
  /** The known lanes that it serves. Kept by the registry. */
  readonly lanes: string[] = []
  readonly #handlers = new Map<string, BoundHandler>()
  readonly #catchAll: CatchAllHandler | undefined
  readonly #accepted = new Map<string, AnyTaskDefinition | undefined>()
  #queue: PQueue | undefined
  /** Its own limits, if it has any. */
  gate: Gate | undefined
  isDraining = false
  isPaused = false
  lastHeartbeatAt: number
  lastError: string | undefined

  constructor(
    definition: AgentDefinition,
    /** Its live numbers, as routing sees them. */
    readonly load: InstanceLoad,
    now: number,
  ) {
    const { id, options } = definition
    this.id = id
    this.name = options.name ?? id
    this.options = options
    this.isPolling = options.accepts !== undefined
    this.leaseMs = (options as { leaseMs?: number }).leaseMs ?? DEFAULT_CLAIM_LEASE_MS
    this.lastHeartbeatAt = now
    for (const handler of options.handlers ?? []) this.#handlers.set(handler.definition.type, handler)
    this.#catchAll = options.handler
    for (const accepted of options.accepts ?? []) {
      if (typeof accepted === 'string') this.#accepted.set(accepted, undefined)
      else this.#accepted.set(accepted.type, accepted)
    }
  }

  /** The types that it handles; `*` for a catch-all. */
  get types(): readonly string[] {
    const types = [...this.#handlers.keys(), ...this.#accepted.keys()]
    return this.#catchAll === undefined ? types : [...types, ANY_TYPE]
  }

  /** The definitions that its handlers are bound to. */
  get definitions(): readonly AnyTaskDefinition[] {
    const all = [...[...this.#handlers.values()].map((handler) => handler.definition), ...this.#accepted.values()]
    return all.filter((definition) => definition !== undefined)
  }

  /** Whether it may take the tasks of a lane. */
  serves(lane: Lane): boolean {
    if (lane.kind === 'agent') return lane.agentId === this.id
    if (lane.kind === 'fallback') return false
    if (!this.handles(lane.type ?? ANY_TYPE)) return false
    return lane.requires.every((capability) => this.load.capabilities.includes(capability))
  }

  /** Whether it has something to run for a type. */
  handles(type: string): boolean {
    return this.#catchAll !== undefined || this.#handlers.has(type) || this.#accepted.has(type)
  }

  /** What runs a task of this type here. */
  handlerFor(type: string): BoundHandler | undefined {
    const handler = this.#handlers.get(type)
    if (handler !== undefined) return handler
    return this.#catchAll === undefined ? undefined : { definition: undefined, run: this.#catchAll }
  }

  /** Runs a function in one of its slots. */
  run(fn: () => Promise<void>): void {
    this.#queue ??= handlerQueue(this.load.capacity)
    void this.#queue.add(fn)
  }
}
