import type { BusMessage } from '../../bus/bus.js'
import type { Timer } from '../../internal/clock.js'
import {
  currentAttempt,
  holdsCancelled,
  holdsClaim,
  type Outcome,
  settled,
  withoutHolder,
} from '../../task/task-life-cycle.js'
import { changeTask, type OnChange } from '../change-task.js'
import { SetBuilder } from '../commit/set-builder.js'
import type { Entry, NodeContext } from '../node-context.js'
import { rulesFor } from '../settle.js'
import { suspectAfterMs } from './owner-life.js'
import { hintsOf } from './reports.js'

const PAGE = 500
/** How long a node that comes to others takes nothing: until they have heard of it, and leave it its share. */
const HEARD_MS = 50
/** A gap between two looks that is longer than this, and than half a lease, says that it was us who stood still. */
const LONGEST_GAP_MS = 1_000

interface Sighting {
  readonly version: string
  readonly since: number
}

/**
 * Watches the other owners and takes back what the dead ones held.
 *
 * An owner is declared dead when its version has not changed for a lease of *this* node's time between looks that
 * succeeded; a failed look, or a gap, starts the count again, so that nobody is declared dead by an outage or a pause of
 * ours. An owner without a record is dead, whoever deleted it.
 */
export class Recovery {
  readonly #sightings = new Map<string, Sighting>()
  #lookTimer: Timer | undefined
  #sweepTimer: Timer | undefined
  #lookedAt: number | undefined
  #isLooking = false
  /** There was news during the look. */
  #isDueAgain = false
  #hasMet = false
  #isStopped = false

  constructor(
    private readonly node: NodeContext,
    private readonly onChange: OnChange,
    private readonly definitionOf: (type: string) => Parameters<typeof rulesFor>[1],
    private readonly onHint: (hint: BusMessage) => void,
  ) {}

  /** Whether the others are known, and know of this node: before that it would take for its own what they do. */
  get hasMet(): boolean {
    return this.#hasMet
  }

  /** Resolves when the others are known. @param onMet - they know of this node, too, or there are none. */
  async start(onMet: () => void): Promise<void> {
    const { peers, isHeard } = this.node
    peers.onNews = () => this.#lookSoon()
    this.#scheduleSweep(0)
    await this.#lookNow()
    await peers.read()
    const met = () => {
      this.#hasMet = true
      onMet()
    }
    if (peers.isAlone || !isHeard) met()
    else void this.node.pause(HEARD_MS).then(met)
  }

  stop(): void {
    this.#isStopped = true
    this.#lookTimer?.cancel()
    this.#sweepTimer?.cancel()
  }

  /**
   * Ends the claim that was read, if it still stands: as `lost` when its owner died, `released` when the owner is alive
   * but does not know it.
   */
  async takeBack(entry: Entry, type: 'lost' | 'released', reason: string): Promise<void> {
    const token = currentAttempt(entry.value)?.token
    if (token === undefined) return
    const settleToken = this.node.newToken()
    const outcome: Outcome = {
      type,
      error: { name: 'BatutaError', code: type === 'lost' ? 'TASK_LOST' : 'ATTEMPT_RELEASED', message: reason },
    }
    await changeTask(this.node, this.onChange, entry, (task) => {
      if (holdsCancelled(task, token)) return { after: withoutHolder(task) }
      if (!holdsClaim(task, token)) return undefined
      return { after: settled(task, outcome, rulesFor(this.node, this.definitionOf(task.type), settleToken, 0)) }
    })
  }

  #lookSoon(): void {
    this.#isDueAgain = true
    if (this.#isLooking) return
    this.#lookTimer?.cancel()
    this.#scheduleLook(0)
  }

  #scheduleLook(delayMs: number): void {
    if (this.#isStopped) return
    this.#lookTimer = this.node.clock.setTimer(() => void this.#lookNow(), delayMs)
  }

  async #lookNow(): Promise<void> {
    this.#isLooking = true
    this.#isDueAgain = false
    await this.#look().catch(this.#leaveToSweep)
    this.#isLooking = false
    this.#scheduleLook(this.#isDueAgain ? 0 : this.node.settings.observeMs)
  }

  #scheduleSweep(delayMs: number): void {
    if (this.#isStopped) return
    this.#sweepTimer = this.node.clock.setTimer(() => {
      void this.#sweep()
        .catch((error) => this.node.log.warn({ error }, 'the sweep for dead owners failed'))
        .finally(() => this.#scheduleSweep(this.node.settings.heartbeatMs))
    }, delayMs)
  }

  async #look(): Promise<void> {
    let owners: readonly Entry<'owner'>[]
    try {
      owners = await this.#owners()
    } catch {
      // The storage is away, so no beat can have been seen either: the count starts again.
      this.#lookedAt = undefined
      return
    }
    const now = this.node.clock.monotonic()
    const { leaseMs } = this.node.settings
    const isFresh = this.#lookedAt === undefined || now - this.#lookedAt > Math.max(LONGEST_GAP_MS, leaseMs / 2)
    this.#lookedAt = now
    const seen = new Set<string>()
    const dead: Entry<'owner'>[] = []
    for (const owner of owners) {
      seen.add(owner.id)
      const sighting = this.#sightings.get(owner.id)
      // What runs here was announced when it was reported.
      const isNews = sighting?.version !== owner.version && owner.id !== this.node.ownerId
      if (isNews) for (const hint of hintsOf(owner.value.progress)) this.onHint(hint)
      if (isFresh || sighting?.version !== owner.version) {
        this.#sightings.set(owner.id, { version: owner.version, since: now })
      } else if (now - sighting.since > leaseMs && owner.id !== this.node.ownerId) {
        dead.push(owner)
      }
    }
    for (const id of this.#sightings.keys()) if (!seen.has(id)) this.#sightings.delete(id)
    const lateMs = suspectAfterMs(this.node.settings)
    this.node.peers.saw(owners, (id) => now - (this.#sightings.get(id)?.since ?? now) > lateMs)
    await Promise.all(dead.map((owner) => this.#declareDead(owner)))
  }

  async #owners(): Promise<readonly Entry<'owner'>[]> {
    const all: Entry<'owner'>[] = []
    for (;;) {
      const last = all[all.length - 1]
      const after = last === undefined ? undefined : [last.id]
      const page = await this.node.query('owner', 'owners', { after, limit: PAGE }, 0)
      all.push(...page)
      if (page.length < PAGE) return all
    }
  }

  /** A beat in between refuses this. */
  async #declareDead(owner: Entry<'owner'>): Promise<void> {
    const set = new SetBuilder(this.node)
    set.remove('owner', owner.id, owner.version)
    // A storage that is away answers the next look.
    const result = await this.node.committer
      .commit(set.build(this.node.latest()), { isUrgent: true })
      .catch(() => undefined)
    if (result?.applied !== true) return
    this.#sightings.delete(owner.id)
    this.node.events.emit('owner:lost', { ownerId: owner.id })
    // Not waited for: a look that takes long starts the count of all others again.
    this.#takeBackAll(owner.id).catch(this.#leaveToSweep)
  }

  readonly #leaveToSweep = (error: unknown) => this.node.log.warn({ error }, 'a dead owner could not be cleared away')

  /**
   * Finds the distinct owners of held tasks, and of agents, by seeking past each, and clears away those without a record:
   * whoever deleted it may have died before it came to the rest.
   */
  async #sweep(): Promise<void> {
    await this.#sweepOwners((after) => this.#firstHolder(after))
    await this.#sweepOwners((after) => this.#firstWithAgents(after))
  }

  async #sweepOwners(next: (after: readonly string[] | undefined) => Promise<string | undefined>): Promise<void> {
    let after: readonly string[] | undefined
    while (!this.#isStopped) {
      const ownerId = await next(after)
      if (ownerId === undefined) return
      if (ownerId !== this.node.ownerId && (await this.node.read('owner', ownerId)) === undefined) {
        await this.#takeBackAll(ownerId)
      }
      after = [ownerId]
    }
  }

  async #firstHolder(after: readonly string[] | undefined): Promise<string | undefined> {
    const [first] = await this.node.query('task', 'held', { after, limit: 1 }, 0)
    return first?.value.holder
  }

  async #firstWithAgents(after: readonly string[] | undefined): Promise<string | undefined> {
    const [first] = await this.node.query('agent', 'agents', { after, limit: 1 }, 0)
    return first?.value.ownerId
  }

  async #takeBackAll(ownerId: string): Promise<void> {
    while (!this.#isStopped) {
      const held = await this.node.query('task', 'held', { prefix: [ownerId], limit: PAGE })
      if (held.length === 0) break
      await Promise.all(held.map((entry) => this.takeBack(entry, 'lost', `Owner ${ownerId} died.`)))
      if (held.length < PAGE) break
    }
    await this.#forgetAgents(ownerId)
  }

  async #forgetAgents(ownerId: string): Promise<void> {
    const agents = await this.node.query('agent', 'agents', { prefix: [ownerId], limit: PAGE })
    await Promise.all(
      agents.map((agent) => {
        const set = new SetBuilder(this.node)
        set.remove('agent', agent.id, agent.version)
        return this.node.committer.commit(set.build(this.node.latest()))
      }),
    )
  }
}
