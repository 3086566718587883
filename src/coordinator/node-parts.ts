import type { Engine } from '../engine/engine.js'
import type { Router } from '../router/router.js'
import { AgentDesk } from './agents/agent-desk.js'
import { AgentRegistry } from './agents/agent-registry.js'
import { PollingDesk } from './agents/polling.js'
import { Requests } from './callers/requests.js'
import { Streams } from './callers/streams.js'
import { Waiters } from './callers/waiters.js'
import { Dispatcher } from './dispatcher.js'
import type { HandlerScope } from './handler/handler-scope.js'
import { Limits } from './limits/limits.js'
import { Permits } from './limits/permits.js'
import { RetryGate } from './limits/retry-gate.js'
import type { NodeContext } from './node-context.js'
import { Clockwork } from './nodes/clockwork.js'
import { OwnerLife } from './nodes/owner-life.js'
import { Purge } from './nodes/purge.js'
import { Recovery } from './nodes/recovery.js'
import { Reports } from './nodes/reports.js'
import { lanesInStorage } from './ready-query.js'
import type { RunHooks } from './run.js'
import type { SessionSupport } from './task-extension.js'
import { TaskFlow } from './task-flow.js'

/** What the parts are made for. */
export interface NodeDeps {
  readonly engine: Engine
  readonly router: Router
  readonly sessions?: ((node: NodeContext) => SessionSupport) | undefined
  /** Absent: nobody would read its warnings, so handlers run without. */
  readonly scope: HandlerScope | undefined
}

/** The parts of a coordinator, made and connected. */
export interface NodeParts {
  readonly registry: AgentRegistry
  readonly requests: Requests
  readonly limits: Limits
  readonly dispatcher: Dispatcher
  readonly flow: TaskFlow
  readonly owner: OwnerLife
  readonly recovery: Recovery
  readonly clockwork: Clockwork
  readonly purge: Purge
  readonly polling: PollingDesk
  readonly waiters: Waiters
  readonly streams: Streams
  readonly retries: RetryGate
  readonly permits: Permits
  readonly router: Router
  readonly desk: AgentDesk
  readonly scope: HandlerScope | undefined
  /** From now on nothing begins by time alone, and no poll is answered. */
  halt(): void
  /** Looks for work and permits that no hint told of. */
  lookAround(): Promise<void>
}

/** Makes the parts of a coordinator and shows them to each other. Nothing runs yet. */
export function wire(node: NodeContext, deps: NodeDeps, mayClaim: () => boolean): NodeParts {
  const { engine, router, scope } = deps
  const sessions = deps.sessions?.(node)
  const limits: Limits = new Limits(node, (type) => registry.definition(type))
  const registry: AgentRegistry = new AgentRegistry(node, limits, (instance) => dispatcher.freed(instance))
  const requests = new Requests(node, registry, router)
  const permits = new Permits(node)
  const retries = new RetryGate(node.clock, node.settings.retryBudget)
  const waiters = new Waiters(node)
  const streams = new Streams()
  const reports = new Reports(node)
  const flow = new TaskFlow(node)
  const definitionOf = (type: string) => registry.definition(type)
  const clockwork = new Clockwork(node, retries, flow.onChange, definitionOf)
  const recovery = new Recovery(node, flow.onChange, definitionOf, flow.onHint)
  const polling = new PollingDesk(node, definitionOf, {
    onChange: flow.onChange,
    sessions,
    over: (claim, outcome) => {
      dispatcher.claims.delete(claim.token)
      const durationMs = node.time.now() - claim.reservation.claim.now
      const isFault = flow.judge(claim.reservation, claim.type, outcome, durationMs)
      flow.slotFreed(claim.reservation, claim.type, isFault)
    },
  })
  const dispatcher = new Dispatcher(node, engine, router, registry, permits, limits, {
    begin: (entry, reservation) => flow.begin(entry, reservation),
    mayClaim,
    mayTake: () => mayClaim() && recovery.hasMet,
    reserved: (instance, isTaken) => (isTaken ? polling.reserved(instance) : polling.unreserved(instance)),
    expire: (entry) => void clockwork.expire(entry).catch((error) => node.log.warn({ error }, 'an expiry failed')),
  })
  limits.connect({
    freed: (instance) => dispatcher.freed(instance),
    opened: (lanes) => dispatcher.opened(lanes),
  })
  const takeBack = (entry: Parameters<Recovery['takeBack']>[0]) =>
    void recovery
      .takeBack(entry, 'released', 'This owner does not know the claim.')
      .catch((error) => node.log.warn({ error }, 'a claim could not be taken back'))
  const owner: OwnerLife = new OwnerLife(node, reports, {
    release: (reason) => flow.releaseAll(reason),
    proven: () => {
      dispatcher.wake()
      desk.publishAgain()
    },
    reborn: () => desk.publishAll(),
    compare: (held) => flow.compare(held, takeBack),
  })
  const runHooks: RunHooks = {
    sessions,
    scope,
    isOwnerAlive: () => owner.isAlive,
    definition: definitionOf,
    stage: (parent, definition, input, options) => requests.staged(parent, definition, input, options),
    onProgress: (run, fraction, note) => {
      const facts = {
        taskId: run.taskId,
        attempt: run.number,
        ...(fraction === undefined ? undefined : { fraction }),
        ...(note === undefined ? undefined : { note }),
      }
      node.events.emit('task:progress', facts)
      reports.report(facts)
    },
    onPart: (run, index, part) => {
      streams.written(run, part)
      node.bus.publish({ type: 'part', taskId: run.taskId, attempt: run.number, index, part })
    },
  }
  flow.connect({
    registry,
    router,
    dispatcher,
    permits,
    retries,
    clockwork,
    waiters,
    streams,
    polling,
    runHooks,
  })
  const purge = new Purge(node, sessions?.purge)
  const parts = {
    registry,
    requests,
    limits,
    dispatcher,
    flow,
    owner,
    recovery,
    clockwork,
    purge,
    polling,
    waiters,
    streams,
    retries,
    permits,
    router,
    scope,
    halt: () => {
      for (const part of [clockwork, purge, polling, limits, registry.health]) part.stop()
    },
    lookAround: async () => {
      dispatcher.wake(await lanesInStorage(node, node.settings.maxLanes))
      await flow.lookAgain()
    },
  }
  const desk: AgentDesk = new AgentDesk(node, parts)
  return { ...parts, desk }
}
