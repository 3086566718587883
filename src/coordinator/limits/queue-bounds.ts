import { BatutaError } from '../../errors/base-error.js'
import { BoundedMap } from '../../internal/bounded-map.js'
import type { Clock } from '../../internal/clock.js'
import type { Storage } from '../../storage/storage.js'
import { laneOf } from '../../task/lane.js'
import type { TaskSpec } from '../../task/new-task.js'

/** How long a count is believed, with what this node has added and started since. */
const BELIEVED_MS = 1_000

/** Counts that are remembered: one per lane, and per lane and tenant, that was submitted to of late. */
const MAX_COUNTS = 10_000

/** The least and the most that a caller is asked to wait, and what it is told while nobody starts anything. */
const LEAST_WAIT_MS = 10
const MOST_WAIT_MS = 60_000
const UNKNOWN_WAIT_MS = 1_000

/** How many tasks may wait. Absent: any number. */
export interface MaxPending {
  /** Ready tasks of one lane. */
  readonly perLane?: number | undefined
  /** Ready tasks of one tenant in one lane. */
  readonly perTenant?: number | undefined
  /** All tasks of the application that have not started, delayed ones and retries included. */
  readonly total?: number | undefined
}

type Scope = keyof MaxPending

interface Count {
  tasks: number
  readAt: number
  /** What was accepted here since the storage was asked: it may have counted it, or not. */
  acceptedSince: number
  /** While the storage is being asked. */
  reading: Promise<void> | undefined
}

/** One of the queues that a task would join. */
interface Queue {
  readonly scope: Scope
  readonly lane: string
  readonly tenant: string
}

const NOT_STARTED = ['scheduled', 'waiting', 'ready']

/**
 * Refuses new tasks when too many wait. Counted in the storage once a second at most; in between this node adds what it
 * accepts and takes off what it starts. So several nodes together may exceed a bound by what they accept in a second.
 */
export class QueueBounds {
  readonly #counts = new BoundedMap<string, Count>(MAX_COUNTS)
  #started = 0
  #startedBefore = 0
  #periodAt: number

  constructor(
    private readonly max: MaxPending,
    private readonly storage: Storage,
    private readonly clock: Clock,
  ) {
    this.#periodAt = clock.monotonic()
  }

  /**
   * Makes room for all of them, or for none.
   * @throws QUEUE_FULL: nothing is written, and a later try may find room.
   */
  async admit(specs: readonly TaskSpec[], now: number): Promise<void> {
    const joining = new Map<string, { readonly queue: Queue; tasks: number }>()
    for (const spec of specs) {
      for (const queue of this.#queuesOf(spec, now)) {
        const joins = joining.get(keyOf(queue))
        if (joins === undefined) joining.set(keyOf(queue), { queue, tasks: 1 })
        else joins.tasks++
      }
    }
    await Promise.all([...joining.values()].map(({ queue }) => this.#refresh(queue)))
    // From here on nothing is waited for: whoever asks at the same time is counted before or after.
    for (const [key, { queue, tasks }] of joining) {
      const limit = this.max[queue.scope] ?? Number.POSITIVE_INFINITY
      const waiting = this.#counts.get(key)?.tasks ?? 0
      if (waiting + tasks > limit) throw this.#full(queue, limit, waiting + tasks - limit)
    }
    for (const [key, { tasks }] of joining) this.#add(key, tasks)
  }

  /** A task of this lane and tenant was started here: it waits no longer. */
  started(lane: string, tenant: string): void {
    this.#period()
    this.#started++
    for (const scope of ['perLane', 'perTenant', 'total'] as const) this.#add(keyOf({ scope, lane, tenant }), -1)
  }

  #queuesOf(spec: TaskSpec, now: number): Queue[] {
    const { tenant, runAt } = spec
    const lane = laneOf(spec.type, spec.requires)
    const isDelayed = runAt !== undefined && runAt > now
    const queues: Queue[] = []
    if (this.max.total !== undefined) queues.push({ scope: 'total', lane, tenant })
    if (this.max.perLane !== undefined && !isDelayed) queues.push({ scope: 'perLane', lane, tenant })
    if (this.max.perTenant !== undefined && !isDelayed) queues.push({ scope: 'perTenant', lane, tenant })
    return queues
  }

  async #refresh(queue: Queue): Promise<void> {
    const key = keyOf(queue)
    const count = this.#counts.get(key) ?? {
      tasks: 0,
      readAt: Number.NEGATIVE_INFINITY,
      acceptedSince: 0,
      reading: undefined,
    }
    if (this.clock.monotonic() - count.readAt < BELIEVED_MS) return
    // Written anew with every read: the one that was not asked for longest is forgotten first.
    this.#counts.set(key, count)
    // All who come at one time wait for one answer.
    count.reading ??= this.#read(queue, count)
    await count.reading
  }

  async #read(queue: Queue, count: Count): Promise<void> {
    const askedAt = this.clock.monotonic()
    count.acceptedSince = 0
    // A storage that is away is waited for where the task is written, not here.
    const tasks = await this.#count(queue).catch(() => undefined)
    count.reading = undefined
    if (tasks === undefined) return
    count.tasks = tasks + count.acceptedSince
    count.readAt = askedAt
  }

  async #count({ scope, lane, tenant }: Queue): Promise<number> {
    if (scope === 'perLane') return (await this.storage.count('ready', { prefix: [lane] })).count
    if (scope === 'perTenant') return (await this.storage.count('ready', { prefix: [lane, tenant] })).count
    const counts = await Promise.all(NOT_STARTED.map((state) => this.storage.count('listed', { prefix: [state] })))
    return counts.reduce((sum, { count }) => sum + count, 0)
  }

  #add(key: string, tasks: number): void {
    const count = this.#counts.get(key)
    if (count === undefined) return
    count.tasks = Math.max(0, count.tasks + tasks)
    count.acceptedSince += Math.max(0, tasks)
  }

  /** Starts are counted by the second. */
  #period(): void {
    const now = this.clock.monotonic()
    const elapsedMs = now - this.#periodAt
    if (elapsedMs < BELIEVED_MS) return
    this.#startedBefore = elapsedMs < 2 * BELIEVED_MS ? this.#started : 0
    this.#started = 0
    this.#periodAt = now
  }

  #full({ scope, lane, tenant }: Queue, limit: number, tooMany: number): BatutaError<'QUEUE_FULL'> {
    this.#period()
    const perSecond = Math.max(this.#started, this.#startedBefore)
    const waitMs = perSecond === 0 ? UNKNOWN_WAIT_MS : Math.ceil((tooMany * 1_000) / perSecond)
    const retryAfterMs = Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, waitMs))
    const where = { total: 'in the application', perLane: 'of this kind', perTenant: `of tenant "${tenant}"` }[scope]
    return new BatutaError('QUEUE_FULL', `${limit} tasks ${where} wait already (maxPending.${scope}).`, {
      data: {
        scope,
        limit,
        retryAfterMs,
        ...(scope !== 'total' && { lane }),
        ...(scope === 'perTenant' && { tenant }),
      },
      fix: `Submit it again in about ${retryAfterMs} ms, or add agents, or raise the bound.`,
    })
  }
}

function keyOf({ scope, lane, tenant }: Queue): string {
  return scope === 'total' ? scope : scope === 'perLane' ? `lane ${lane}` : `tenant ${lane} ${tenant}`
}
