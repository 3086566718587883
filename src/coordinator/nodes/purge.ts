import type { Timer } from '../../internal/clock.js'
import { COUNT_LIMIT } from '../../storage/storage.js'
import type { TerminalState } from '../../task/task-status.js'
import { SetBuilder } from '../commit/set-builder.js'
import type { Entry, NodeContext } from '../node-context.js'

const BATCH = 500
/** Batches per round: enough to keep up with what a node finishes. */
const MAX_BATCHES = 40
/** A copy of a commit may come so late; until then "absent" must not be mistaken for "already gone". */
const LATE_COPIES_MS = 120_000

const OUTCOMES: readonly TerminalState[] = ['completed', 'failed', 'cancelled']

/** Lets go of ended tasks by age and number, and of turns that nobody has used for long. */
export class Purge {
  #timer: Timer | undefined
  #isStopped = false

  /** @param more - what the layers above let go of, told how long ago something must have been used last. */
  constructor(
    private readonly node: NodeContext,
    private readonly more: ((idleMs: number) => Promise<void>) | undefined,
  ) {}

  start(): void {
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = this.node.clock.setTimer(() => {
      void this.#round()
        .catch((error) => {
          if (!this.#isStopped) this.node.log.warn({ error }, 'the purge failed')
        })
        .finally(() => this.#schedule())
    }, this.node.settings.pollMs)
  }

  async #round(): Promise<void> {
    for (const outcome of OUTCOMES) if (this.#isFirstFor(outcome)) await this.#purgeTasks(outcome)
    if (this.#isFirstFor('turn')) await this.#purgeTurns()
    // Not every node has layers above.
    const { idleMs } = this.node.settings.retention
    await this.more?.(this.node.storage.outcomeAlwaysKnown ? idleMs : Math.max(idleMs, LATE_COPIES_MS))
  }

  /** One node does it for all, whichever comes first now: several would count and delete the same. */
  #isFirstFor(what: string): boolean {
    return this.node.peers.placeOfAny(what) === 0
  }

  /** Everything older than its age, then the oldest while there are too many. */
  async #purgeTasks(outcome: TerminalState): Promise<void> {
    const { ageMs, maxCount } = this.node.settings.retention[outcome]
    for (let batch = 0; batch < MAX_BATCHES && !this.#isStopped; batch++) {
      const before = this.#latest(ageMs)
      const aged = await this.node.query('task', 'ended', { prefix: [outcome], upTo: [outcome, before], limit: BATCH })
      if (aged.length > 0) {
        await Promise.all(aged.map((entry) => this.#purge(entry)))
        continue
      }
      if (maxCount === Number.POSITIVE_INFINITY) return
      const { count } = await this.node.storage.count('ended', { prefix: [outcome] })
      const excess = count >= COUNT_LIMIT ? BATCH : Math.min(BATCH, count - maxCount)
      if (excess <= 0) return
      const limit = this.#latest(0)
      const oldest = await this.node.query('task', 'ended', {
        prefix: [outcome],
        upTo: [outcome, limit],
        limit: excess,
      })
      if (oldest.length === 0) return
      await Promise.all(oldest.map((entry) => this.#purge(entry)))
    }
  }

  /** What ended by then may go: so long ago, and never while a copy of a commit may still be under way. */
  #latest(ageMs: number): number {
    return this.node.time.now() - Math.max(ageMs, this.node.storage.outcomeAlwaysKnown ? 0 : LATE_COPIES_MS)
  }

  /** A task and the record of its idempotency key go together. */
  async #purge(entry: Entry): Promise<void> {
    const { tenant, type, idempotencyKey } = entry.value
    const set = new SetBuilder(this.node)
    set.remove('task', entry.id, entry.version)
    if (idempotencyKey !== undefined) {
      const id = idempotencyIdOf(tenant, type, idempotencyKey)
      const record = await this.node.read('idempotency', id)
      if (record?.value.taskId === entry.id) set.remove('idempotency', id, record.version)
    }
    await this.node.committer.commit(set.build(this.node.latest()))
  }

  async #purgeTurns(): Promise<void> {
    const before = this.#latest(this.node.settings.retention.idleMs)
    for (let batch = 0; batch < MAX_BATCHES && !this.#isStopped; batch++) {
      const idle = await this.node.query('turn', 'turns', { upTo: [before], limit: BATCH })
      await Promise.all(
        idle.map((turn) => {
          const set = new SetBuilder(this.node)
          set.remove('turn', turn.id, turn.version)
          return this.node.committer.commit(set.build(this.node.latest()))
        }),
      )
      if (idle.length < BATCH) return
    }
  }
}

/** The id of an idempotency record. */
export function idempotencyIdOf(tenant: string, type: string, key: string): string {
  return [tenant, type, key].map(encodeURIComponent).join('/')
}
