import type { Timer } from '../../internal/clock.js'
import type { RateBlock } from '../../storage/records.js'
import type { RateLimit } from '../../task/limits.js'
import { SetBuilder } from '../commit/set-builder.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { Rate } from './rate.js'

const LEAST_BLOCK_MS = 100
const MOST_BLOCK_MS = 5_000
/** How far blocks may grow while the storage is slow. */
const LIMIT_BLOCK_MS = 60_000
/** Finished blocks of this node that are kept apart; more are put together, at the price of some throughput. */
const MAX_BLOCKS = 16
const TRIES = 4

/**
 * A rate that holds over all nodes: a window of starts, of any alignment, is never exceeded, whatever clocks say and whoever dies.
 *
 * One record per type lists blocks of permits. A node writes a block before it starts anything under it, guarded by the record's
 * version, and only as large as `limit` allows beside all blocks that still count. A block counts until `perMs` after its
 * `until`, whoever holds it. Its writer starts under it only until `blockMs / 2` of its own monotonic time after it sent the
 * block, which the storage accepts until `blockMs / 2` before `until` at the latest (`notAfter`): so no start is after `until`
 * by the storage's clock, and no two clocks are ever compared. With its next block a node says what the last one really was:
 * how many started, and that none will later.
 */
export class SharedRate implements Rate {
  readonly isShared = true
  readonly #id: string
  readonly #baseMs: number
  #blockMs: number
  /** The block under which this node starts. */
  #live: RateBlock | undefined
  /** Monotonic time at which nothing may start under it any more. */
  #deadline = Number.NEGATIVE_INFINITY
  /** Permits of the live block: free, taken for what has not started, used. */
  #left = 0
  #pending = 0
  #started = 0
  #isAsking = false
  #nextAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #isStopped = false

  /** @param changed - told when a permit may have come, or the time when one may come. */
  constructor(
    private readonly node: NodeContext,
    type: string,
    private readonly rate: RateLimit,
    private readonly changed: () => void,
  ) {
    this.#id = encodeURIComponent(type)
    this.#baseMs = Math.min(MOST_BLOCK_MS, Math.max(LEAST_BLOCK_MS, rate.perMs / 10))
    this.#blockMs = this.#baseMs
  }

  opensAt(now: number): number {
    // What is dispatched must still be able to start: its claim takes a while.
    if (this.#left > 0 && now < this.#deadline - this.#blockMs / 8) return now
    if (this.#isAsking || this.#isStopped) return Number.POSITIVE_INFINITY
    // Less than a timer can tell from now is now.
    if (this.#nextAt - now > 0.01) return this.#nextAt
    void this.#ask(true)
    return Number.POSITIVE_INFINITY
  }

  take(): void {
    this.#left--
    this.#pending++
  }

  mayStart(now: number): boolean {
    if (now < this.#deadline) return true
    // The way from a permit to a start is longer than a block.
    this.#lengthen()
    return false
  }

  started(): void {
    this.#pending--
    this.#started++
  }

  untake(): void {
    this.#pending--
    this.#left++
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #ask(isWanted: boolean): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#timer?.cancel()
    try {
      await this.#write(isWanted)
    } catch (error) {
      if (!this.#isStopped) this.node.log.debug({ rate: this.#id, error }, 'permits of a rate could not be had')
      this.#nextAt = this.node.clock.monotonic() + this.node.settings.observeMs
    }
    this.#isAsking = false
    if (!this.#isStopped) this.changed()
  }

  /** Writes what the live block was, and takes another as large as there is room for. */
  async #write(isWanted: boolean): Promise<void> {
    let record = await this.node.read('rate', this.#id, 0)
    for (let tries = 0; tries < TRIES && !this.#isStopped; tries++) {
      const sentAt = this.node.clock.monotonic()
      const plan = this.#plan(record, isWanted)
      if (plan === undefined) return
      const { live, blocks, notAfter, permits, started, halfMs } = plan
      const set = new SetBuilder(this.node)
      set.put('rate', this.#id, record, { ...record?.value, blocks })
      // What is left of the old block is given up in this very set.
      this.#left = 0
      const waitMs = this.node.settings.storageWaitMs
      const result = await this.node.committer.commit(set.build(notAfter), { waitMs })
      if (!result.applied) {
        record = result.found[0] as Entry<'rate'> | undefined
        if (result.reason === 'late') this.#lengthen()
        continue
      }
      this.#live = live
      this.#started -= started
      this.#left = permits
      this.#deadline = sentAt + halfMs
      this.#adapt(this.node.clock.monotonic() - sentAt)
      if (permits > 0 && !this.#isStopped) {
        const delayMs = this.#deadline - this.node.clock.monotonic()
        this.#timer = this.node.clock.setTimer(() => this.#giveBack(), delayMs)
      }
      return
    }
    this.#nextAt = this.node.clock.monotonic() + this.node.random.next() * this.node.settings.observeMs
  }

  /** What to write; `undefined` when there is nothing to say and nothing to have. */
  #plan(record: Entry<'rate'> | undefined, isWanted: boolean) {
    const { perMs, limit } = this.rate
    const halfMs = this.#blockMs / 2
    const now = this.node.time.now()
    const notAfter = Math.ceil(now + halfMs)
    const counting = (record?.value.blocks ?? []).filter(({ until }) => until + perMs > now)
    const was = counting.find(({ id }) => id === this.#live?.id)
    const others = counting.filter((block) => block !== was)
    const started = this.#started
    const ended: RateBlock[] =
      was === undefined || started === 0
        ? []
        : [{ ...was, id: `${was.id}.ended`, count: started, until: Math.min(was.until, notAfter) }]
    const kept = putTogether([...others, ...ended], this.node.ownerId)
    const used = kept.reduce((sum, { count }) => sum + count, this.#pending)
    const room = Math.max(0, limit - used)
    const permits = isWanted ? Math.ceil(room / this.node.peers.owners) : 0
    if (permits === 0 && isWanted) this.#waitFor(kept, now)
    if (permits === 0 && (was === undefined || was.count <= started + this.#pending)) return undefined
    const count = permits + this.#pending
    const until = Math.ceil(Math.max(notAfter + halfMs, was?.until ?? 0))
    const live: RateBlock | undefined =
      count === 0 ? undefined : { id: this.node.newToken(), ownerId: this.node.ownerId, count, until }
    return { live, blocks: live === undefined ? kept : [...kept, live], notAfter, permits, started, halfMs }
  }

  /** The first block that stops to count makes room; others may give theirs back before. */
  #waitFor(blocks: readonly RateBlock[], now: number): void {
    const frees = Math.min(...blocks.filter(({ count }) => count > 0).map(({ until }) => until + this.rate.perMs - now))
    const delayMs = Math.min(this.node.settings.pollMs, Math.max(1, frees))
    this.#nextAt = this.node.clock.monotonic() + delayMs
  }

  /** Nothing may start under the block any more: what is left of it is of use to others. */
  #giveBack(): void {
    if (this.#left > 0 && !this.#isStopped) void this.#ask(false)
  }

  /** A block must be longer than it takes to get it. */
  #adapt(tookMs: number): void {
    const wantedMs = Math.min(LIMIT_BLOCK_MS, 8 * tookMs)
    if (wantedMs > this.#blockMs) this.#blockMs = Math.min(wantedMs, 2 * this.#blockMs)
    else this.#blockMs = Math.max(this.#baseMs, (this.#blockMs + wantedMs) / 2)
  }

  #lengthen(): void {
    this.#blockMs = Math.min(LIMIT_BLOCK_MS, this.#blockMs * 2)
  }
}

/** At most so many ended blocks of an owner: the oldest two count as one, until the end of the later. */
function putTogether(blocks: readonly RateBlock[], ownerId: string): RateBlock[] {
  const own = blocks.filter((block) => block.ownerId === ownerId).sort((a, b) => a.until - b.until)
  const kept = blocks.filter((block) => block.ownerId !== ownerId)
  while (own.length > MAX_BLOCKS) {
    const [first, second, ...rest] = own
    if (first === undefined || second === undefined) break
    own.splice(0, own.length, { ...second, count: first.count + second.count }, ...rest)
  }
  return [...kept, ...own]
}
