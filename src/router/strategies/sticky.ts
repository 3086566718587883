import { BoundedMap } from '../../internal/bounded-map.js'
import { builtIn, isBuiltIn } from '../built-in.js'
import type { RoutableTask, RoutingContext, RoutingStrategy } from '../routing-strategy.js'
import { around, checkFunction, checkNames, checkNumber, innerOf } from './around.js'
import { leastBusy } from './least-busy.js'
import { entriesOf, foreignState } from './snapshot-state.js'

/** Options of {@link sticky}. */
export interface StickyOptions {
  /** Chooses an agent for a key that has none, or whose agent can't take the task. Default `leastBusy()`. */
  readonly then?: RoutingStrategy | undefined
  /** What tasks have in common that should go to one agent. Default: the session. `undefined`: `then` decides. */
  readonly key?: ((task: RoutableTask) => string | undefined) | undefined
  /** How long a key stays with its agent after its last task, in milliseconds. Default 30 minutes. */
  readonly ttlMs?: number | undefined
  /** How long a task is held back at most for its agent while that is busy, in milliseconds. Default 0: not at all. */
  readonly stickyWaitMs?: number | undefined
  /** Keys that are remembered; those used longest ago are forgotten first. Default 10,000. */
  readonly maxPins?: number | undefined
}

/** Tasks that are held back at a time. One more goes to whoever is free. */
const MAX_HELD = 10_000

/** An agent instance per lane would do; a session with tasks in several lanes may need several. */
const INSTANCES_PER_PIN = 3

/**
 * Who had a key's last task, and behind it who had one before, each once: a value. Made by a constructor, with no list and no
 * literal: there is one for every decision, see {@link RoutingDecision}.
 */
class Pin {
  constructor(
    readonly instanceId: string,
    readonly before: Pin | undefined,
    /** Wall-clock milliseconds. */
    readonly usedAt: number,
  ) {}
}

/** All but one instance, and at most so many. */
function without(pin: Pin | undefined, instanceId: string, limit: number): Pin | undefined {
  if (pin === undefined || limit === 0) return undefined
  if (pin.instanceId === instanceId) return pin.before
  return new Pin(pin.instanceId, without(pin.before, instanceId, limit - 1), pin.usedAt)
}

interface PinState {
  /** Used last comes first. */
  readonly instances: readonly string[]
  readonly usedAt: number
}

function stateOf(pin: Pin): PinState {
  const instances: string[] = []
  for (let at: Pin | undefined = pin; at !== undefined; at = at.before) instances.push(at.instanceId)
  return { instances, usedAt: pin.usedAt }
}

function pinFrom({ instances, usedAt }: PinState): Pin {
  return instances.reduceRight<Pin | undefined>((before, id) => new Pin(id, before, usedAt), undefined) as Pin
}

const PINNED = Symbol('pinned')

/**
 * The agent that had the session before, as long as it can take work: its caches are warm, its memory knows the
 * customer. When it has gone, is full, or failed this task, `then` chooses, and the session stays with whom it chose.
 * With `stickyWaitMs` a task waits that long for an agent that is merely busy. It chooses among the instances of its
 * own node: with several nodes, give the sessions an agent on one of them, or accept that a session has an agent on each.
 * @throws OPTIONS_INVALID
 */
export function sticky(options: StickyOptions = {}): RoutingStrategy {
  checkNames('sticky', options, 'then', 'key', 'ttlMs', 'stickyWaitMs', 'maxPins')
  const { ttlMs = 30 * 60_000, stickyWaitMs = 0, maxPins = 10_000, key = sessionOf } = options
  const inner = innerOf('sticky', options.then, leastBusy)
  checkFunction('sticky', 'key', options.key)
  checkNumber('sticky', 'ttlMs', ttlMs, 1)
  checkNumber('sticky', 'stickyWaitMs', stickyWaitMs, 0)
  checkNumber('sticky', 'maxPins', maxPins, 1)
  const pins = new BoundedMap<string, Pin>(maxPins)
  const holds = new Holds(stickyWaitMs)
  /** Of the decision just made. */
  let isPinned = false
  let waitMs: number | undefined

  /** No pin expires before. */
  let expiryAt = 0

  const pin = (pinned: string, before: Pin | undefined, instanceId: string, now: number) => {
    if (now > expiryAt) {
      let { oldest } = pins
      for (; oldest !== undefined && now - oldest[1].usedAt > ttlMs; oldest = pins.oldest) pins.delete(oldest[0])
      expiryAt = (oldest?.[1].usedAt ?? now) + ttlMs
    }
    pins.set(pinned, new Pin(instanceId, without(before, instanceId, INSTANCES_PER_PIN - 1), now))
  }
  const select = (context: RoutingContext) => {
    const { task, pool, now } = context
    isPinned = false
    waitMs = undefined
    const pinned = key(task)
    if (pinned === undefined) return passOn.select(context)
    if (typeof pinned !== 'string') throw new TypeError(`key() must give a string or undefined, not ${typeof pinned}.`)
    const known = pins.get(pinned)
    const before = known !== undefined && now - known.usedAt <= ttlMs ? known : undefined
    for (let had = before; had !== undefined; had = had.before) {
      const { instanceId } = had
      const candidate = pool.get(instanceId)
      if (candidate !== undefined) {
        isPinned = true
        holds.end(task.id)
        pin(pinned, before, instanceId, now)
        return candidate
      }
      if (stickyWaitMs === 0 || !pool.isBusy(instanceId)) continue
      waitMs = holds.leftMs(task.id, now)
      if (waitMs !== undefined) return undefined
    }
    const chosen = passOn.select(context)
    if (chosen === undefined) return undefined
    holds.end(task.id)
    pin(pinned, before, chosen.instanceId, now)
    return chosen
  }

  const passOn = around(inner, { name: 'sticky' })
  const strategy: RoutingStrategy = {
    ...passOn,
    select,
    memo: (context) => (isPinned || waitMs !== undefined ? PINNED : passOn.memo?.(context)),
    ...(passOn.terms && {
      terms: (task, candidate, memo) => (memo === PINNED ? { pin: 0 } : (passOn.terms?.(task, candidate, memo) ?? {})),
    }),
    askAgainMs: (context) => waitMs ?? passOn.askAgainMs?.(context),
    snapshot: () => ({
      pins: Object.fromEntries([...pins].map(([id, pin]) => [id, stateOf(pin)])),
      then: passOn.snapshot?.(),
    }),
    restore(state) {
      if (typeof state !== 'object' || state === null || !('pins' in state)) throw foreignState('sticky')
      const restored = entriesOf('sticky', state.pins, isPinState)
      if (passOn.restore !== undefined) passOn.restore('then' in state ? state.then : undefined)
      pins.clear()
      expiryAt = 0
      for (const [id, state] of restored) pins.set(id, pinFrom(state))
    },
  }
  // A function of somebody else's is shown the task: then it is shown a frozen one.
  return isBuiltIn(inner) && options.key === undefined ? builtIn(strategy) : strategy
}

function sessionOf(task: RoutableTask): string | undefined {
  return task.sessionId
}

function isPinState(value: unknown): value is PinState {
  if (typeof value !== 'object' || value === null || !('instances' in value && 'usedAt' in value)) return false
  const { instances, usedAt } = value
  if (!Array.isArray(instances) || instances.length === 0) return false
  return instances.every((id) => typeof id === 'string') && Number.isFinite(usedAt)
}

/** Since when tasks are held back. */
class Holds {
  readonly #since = new BoundedMap<string, number>(MAX_HELD)
  readonly #maxMs: number

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  /** How much longer a task may wait; `undefined` when it has waited enough, or too many wait. */
  leftMs(taskId: string, now: number): number | undefined {
    let since = this.#since.get(taskId)
    if (since === undefined) {
      // A hold that is forgotten would begin anew: no new ones before the oldest is over.
      const oldest = this.#since.size < MAX_HELD ? undefined : this.#since.oldest
      if (oldest !== undefined && now - oldest[1] < this.#maxMs) return undefined
      since = now
      this.#since.set(taskId, since)
    }
    // A wall clock that was set back must not lengthen the wait.
    if (now < since) return undefined
    const left = since + this.#maxMs - now
    return left > 0 ? left : undefined
  }

  end(taskId: string): void {
    if (this.#since.size > 0) this.#since.delete(taskId)
  }
}
