import type { Timer } from '../../internal/clock.js'
import { LAYOUT, type OwnerRecord } from '../../storage/records.js'
import { SetBuilder } from '../commit/set-builder.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { CoordinatorSettings } from '../options/coordinator-settings.js'
import type { Reports } from './reports.js'

/** What an owner's life means to the rest of its node. */
export interface OwnerHooks {
  /** Ends every handler: this owner can no longer be sure that its claims stand. */
  release(reason: string): void
  /** A beat was acknowledged: claims that had to wait for it may be made. */
  proven(): void
  /** This owner's record is gone: it was declared dead. Its successor has begun. */
  reborn(): Promise<void>
  /** A claim in this owner's name, found in storage with every beat. */
  compare(held: Entry): void
}

const PAGE = 500

/** An owner whose beats are later than this makes no new claims, and others leave it none. */
export function suspectAfterMs({
  heartbeatMs,
  observeMs,
}: Pick<CoordinatorSettings, 'heartbeatMs' | 'observeMs'>): number {
  return 2 * heartbeatMs + observeMs
}

/**
 * This node's own life: a record that keeps changing, so that others see that it lives.
 *
 * *Alive*: the last acknowledged beat is young. *Suspect*: beats are late, so no new claims. *Expired*: the lease since
 * the sending of the last acknowledged beat is nearly over, so the handlers are told to stop, for others may now take
 * their tasks. After a stall of the whole process it beats first: accepted means alive, refused means dead, and then it
 * starts again under a new id.
 */
export class OwnerLife {
  #record: Entry<'owner'> | undefined
  #beatTimer: Timer | undefined
  #compareTimer: Timer | undefined
  #watchTimer: Timer | undefined
  /** Monotonic time at which the last acknowledged beat was sent. */
  #provenAt = 0
  #watchedAt = 0
  #isBeating = false
  #isExpired = false
  #isStopped = false
  #beating: Promise<void> = Promise.resolve()

  constructor(
    private readonly node: NodeContext,
    private readonly reports: Pick<Reports, 'take'>,
    private readonly hooks: OwnerHooks,
  ) {}

  /** Whether this owner may make new claims. */
  get isAlive(): boolean {
    if (this.#isStopped || this.#record === undefined || this.#isExpired) return false
    return this.node.clock.monotonic() - this.#provenAt < suspectAfterMs(this.node.settings)
  }

  /** Since the last acknowledged beat was sent; `undefined` before the first. */
  get beatAgeMs(): number | undefined {
    return this.#record === undefined ? undefined : this.node.clock.monotonic() - this.#provenAt
  }

  /** Writes the owner's record: it exists before its first claim. */
  async start(): Promise<void> {
    await this.#create()
    this.#watchedAt = this.node.clock.monotonic()
    this.#scheduleBeat()
    this.#scheduleCompare()
    this.#watch()
  }

  /** Does not wait for the next time: others see sooner what has changed. */
  beatNow(): void {
    if (this.#isBeating || this.#isStopped) return
    this.#isBeating = true
    this.#beating = this.#beat()
      .catch((error) => {
        if (!this.#isStopped) this.node.log.warn({ error }, 'a heartbeat failed')
      })
      .finally(() => {
        this.#isBeating = false
      })
  }

  /** Stops beating and deletes the record, if it is still there. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#beatTimer?.cancel()
    this.#compareTimer?.cancel()
    this.#watchTimer?.cancel()
    // A beat waits for a storage that is away as long as this node runs, which it does no longer.
    await Promise.race([this.#beating, this.node.pause(this.node.settings.leaseMs)])
    const record = this.#record
    if (record === undefined) return
    const set = new SetBuilder(this.node)
    set.remove('owner', record.id, record.version)
    await this.node.committer.commit(set.build(this.node.latest()), {
      waitMs: this.node.settings.leaseMs,
      isUrgent: true,
    })
  }

  async #create(): Promise<void> {
    for (;;) {
      const sentAt = this.node.clock.monotonic()
      const set = new SetBuilder(this.node)
      const now = this.node.time.now()
      const { agentChanges } = this.node
      const value: OwnerRecord = { startedAt: now, beatAt: now, layout: LAYOUT, agentChanges }
      const record = set.put('owner', this.node.ownerId, undefined, value)
      // Nobody is declared dead in less than a lease: a copy of this set that comes after that must not bring it back.
      const notAfter = Math.min(this.node.latest(), now + this.node.settings.leaseMs)
      const result = await this.node.committer.commit(set.build(notAfter), {
        waitMs: this.node.settings.storageWaitMs,
        isUrgent: true,
      })
      if (result.applied) {
        this.#record = record
        this.#provenAt = sentAt
        this.#isExpired = false
        return
      }
      // Its answer went missing and it was deleted or is late: an id is never used twice.
      this.#renew()
    }
  }

  #renew(): void {
    const was = this.node.ownerId
    this.node.renewOwner()
    this.node.events.emit('owner:renewed', { ownerId: this.node.ownerId, was })
  }

  #scheduleBeat(): void {
    if (this.#isStopped) return
    this.#beatTimer = this.node.clock.setTimer(() => {
      this.#scheduleBeat()
      this.beatNow()
    }, this.node.settings.heartbeatMs)
  }

  /** With every beat, or poll if these come sooner: a cancel is found so where no hint tells of it. */
  #scheduleCompare(): void {
    if (this.#isStopped) return
    const { heartbeatMs, pollMs } = this.node.settings
    this.#compareTimer = this.node.clock.setTimer(
      () => {
        const compared = this.isAlive ? this.#compareHeld() : Promise.resolve()
        void compared
          .catch((error) => {
            if (!this.#isStopped) this.node.log.warn({ error }, 'what this owner holds could not be read')
          })
          .finally(() => this.#scheduleCompare())
      },
      Math.min(heartbeatMs, pollMs),
    )
  }

  async #beat(): Promise<void> {
    const was = this.#record
    // The storage was away when the earlier life ended.
    if (was === undefined) return this.#begin()
    const sentAt = this.node.clock.monotonic()
    const set = new SetBuilder(this.node)
    const { progress: _told, ...before } = was.value
    const progress = this.reports.take()
    const record = set.put('owner', was.id, was, {
      ...before,
      beatAt: this.node.time.now(),
      agentChanges: this.node.agentChanges,
      ...(progress === undefined ? undefined : { progress }),
    })
    const result = await this.node.committer.commit(set.build(this.node.latest()), { isUrgent: true })
    if (result.applied) {
      this.#record = record
      this.#proven(sentAt)
      if (record.value.agentChanges !== was.value.agentChanges) this.node.peers.tell()
      return
    }
    const stands = result.found[0] as Entry<'owner'> | undefined
    if (stands === undefined) await this.#die()
    // Late, but it still stands: whoever wrote it was us. The next beat goes on from there.
    else this.#record = stands
  }

  #proven(sentAt: number): void {
    this.#provenAt = sentAt
    this.#isExpired = false
    this.hooks.proven()
  }

  async #die(): Promise<void> {
    this.#record = undefined
    this.hooks.release('this owner was declared dead')
    this.#renew()
    if (!this.#isStopped) await this.#begin()
  }

  async #begin(): Promise<void> {
    await this.#create()
    await this.hooks.reborn()
  }

  /** What storage says that we hold, against what we know that we hold. */
  async #compareHeld(): Promise<void> {
    let after: readonly (string | number)[] | undefined
    const ownerId = this.node.ownerId
    for (;;) {
      const held = await this.node.query('task', 'held', { prefix: [ownerId], after, limit: PAGE })
      for (const entry of held) this.hooks.compare(entry)
      const last = held[held.length - 1]
      if (held.length < PAGE || last === undefined) return
      after = [ownerId, last.id]
    }
  }

  #watch(): void {
    if (this.#isStopped) return
    const { leaseMs, observeMs } = this.node.settings
    this.#watchTimer = this.node.clock.setTimer(() => {
      const now = this.node.clock.monotonic()
      const gapMs = now - this.#watchedAt
      this.#watchedAt = now
      const isStale = now - this.#provenAt >= leaseMs - observeMs
      if (isStale && this.#record !== undefined && !this.#isExpired) {
        // After a stall of the whole process nothing is known yet: the beat decides, at the next look.
        if (gapMs > 2 * observeMs) this.beatNow()
        else {
          this.#isExpired = true
          this.hooks.release('no heartbeat was acknowledged for nearly a whole lease')
        }
      }
      this.#watch()
    }, observeMs)
  }
}
