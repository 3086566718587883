/**
 * Submit: the record is durable before the promise resolves. A task that a free slot can take at once is stored running.
 */
import { BatutaError, isBatutaError } from '../errors/base-error.js'
import type { Kind } from '../storage/records.js'
import type { WriteSet } from '../storage/storage.js'
import { newTask, type TaskSpec } from '../task/new-task.js'
import type { WhenBusy } from '../task/submit-options.js'
import { claimed } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { notFound } from './callers/waiters.js'
import type { Reservation } from './claim.js'
import type { Answer } from './commit/commit-queue.js'
import { type Contribution, foundIn, readFor, SetBuilder } from './commit/set-builder.js'
import type { Dispatcher } from './dispatcher.js'
import type { Entry, NodeContext } from './node-context.js'
import { idempotencyIdOf } from './nodes/purge.js'
import { TurnEdit } from './turns.js'

/** A task to be stored, and what decides whether it is. */
export interface Submission {
  readonly spec: TaskSpec
  /** About how large it is. */
  readonly bytes: number
  /** SHA-256 of the input as sent; needed with an idempotency key. */
  readonly inputHash?: string | undefined
  readonly whenBusy: WhenBusy
  /** There is room for it among those that wait. */
  readonly isAdmitted?: boolean
  /** What a busy ordering key is refused with. */
  readonly busyError?: () => BatutaError
  /** Writes that ride along, such as a message and its session. */
  readonly contributions?: readonly Contribution[] | undefined
  /** The id of the task that answers this already, found among what the contributions read. */
  readonly answeredBy?: ((found: ReadonlyMap<string, Entry<Kind>>) => string | undefined) | undefined
}

/** What a submit came to: a new task, or the one that an earlier submit made. */
export interface Submitted {
  readonly entry: Entry
  readonly isNew: boolean
}

/** What a submit needs from its coordinator. */
export interface SubmitHooks {
  /** A new task was stored. */
  submitted(entry: Entry): void
  /** It was stored as running: begin. */
  begin(entry: Entry, reservation: Reservation): void
}

/**
 * Stores a task, once.
 * @throws ORDERING_BUSY, SESSION_BUSY, IDEMPOTENCY_CONFLICT, LANE_LIMIT: nothing was written. STORAGE_UNAVAILABLE:
 * nothing was written. SUBMIT_OUTCOME_UNKNOWN: nobody can say.
 */
export function submitTask(
  node: NodeContext,
  dispatcher: Dispatcher,
  submission: Submission,
  hooks: SubmitHooks,
  since = node.clock.monotonic(),
): Promise<Submitted> {
  const held = node.committer.room(patience(node, since))
  if (held !== undefined) return held.then(() => submitTask(node, dispatcher, submission, hooks, since))
  const { turnKey } = submission.spec
  if (turnKey === undefined) return storeTask(node, dispatcher, submission, hooks, since)
  // All of a key write one record: side by side, each would refuse all the others.
  return node.chain.run(turnKey, async () => {
    // Each would wait for the storage to say that it is away, one after the other.
    if (patience(node, since) === 0) throw node.committer.unavailable()
    return storeTask(node, dispatcher, submission, hooks, since)
  })
}

/** How long this submit still waits for a storage that is away: what it waited behind others that did counts too. */
function patience({ committer, clock, settings }: NodeContext, since: number): number {
  if (committer.isHealthy) return settings.storageWaitMs
  return Math.max(0, settings.storageWaitMs - (clock.monotonic() - since))
}

async function storeTask(
  node: NodeContext,
  dispatcher: Dispatcher,
  submission: Submission,
  hooks: SubmitHooks,
  since: number,
): Promise<Submitted> {
  const id = node.newId()
  const notAfter = node.latest()
  const waitMs = patience(node, since)
  for (let isFirst = true; ; isFirst = false) {
    const known =
      isFirst && standsAlone(submission) ? NOTHING : await lookUp(node, submission, isFirst ? undefined : id, waitMs)
    if (known.existing !== undefined) return found(known.existing, known.existing.id === id, hooks)
    if (isFirst && node.bounds !== undefined && submission.isAdmitted !== true)
      await node.bounds.admit([submission.spec], node.time.now())
    const draft = new Draft(node, dispatcher, submission, id, known)
    let result: Answer
    try {
      result = await node.committer.commitLate(() => draft.build(notAfter), { waitMs, bytes: submission.bytes })
    } catch (error) {
      draft.release()
      if (isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')) throw unknownOutcome(id, error)
      throw error
    }
    if (result.applied) {
      hooks.submitted(draft.entry)
      if (draft.reservation !== undefined) hooks.begin(draft.entry, draft.reservation)
      return { entry: draft.entry, isNew: true }
    }
    draft.release()
    // Past its time no new set may be sent: only the record can say what became of the earlier ones.
    if (result.reason === 'late') return found(await settledByReading(node, id), true, hooks)
  }
}

/** Nothing that is stored can bear on it. */
function standsAlone({ spec, contributions }: Submission): boolean {
  return spec.turnKey === undefined && spec.idempotencyKey === undefined && contributions === undefined
}

interface LookedUp {
  readonly existing: Entry | undefined
  readonly turn: TurnEdit | undefined
  readonly found: ReadonlyMap<string, Entry<Kind>>
}

const NOTHING: LookedUp = { existing: undefined, turn: undefined, found: new Map() }

/** Reads the turn first, then whatever may say that this was submitted before: that answer counts, whatever the policy. */
async function lookUp(
  node: NodeContext,
  submission: Submission,
  ownId: string | undefined,
  waitMs: number,
): Promise<LookedUp> {
  const { spec, contributions = [] } = submission
  const turn = await readTurn(node, spec, waitMs)
  const idempotencyId =
    spec.idempotencyKey === undefined ? undefined : idempotencyIdOf(spec.tenant, spec.type, spec.idempotencyKey)
  const reads: Contribution[] = [...contributions]
  if (idempotencyId !== undefined) reads.push(readOnly('idempotency', idempotencyId))
  if (ownId !== undefined) reads.push(readOnly('task', ownId))
  const found = await readFor(node, reads, waitMs)
  const own = ownId === undefined ? undefined : foundIn(found, 'task', ownId)
  if (own !== undefined) return { existing: own, turn, found }
  const answeredBy = submission.answeredBy?.(found)
  const answered = answeredBy ?? idempotent(submission, idempotencyId, found)
  const existing = answered === undefined ? undefined : await node.read('task', answered, waitMs)
  // The record that names it outlives the task: doing it again would answer twice.
  if (existing === undefined && answeredBy !== undefined) throw notFound(answeredBy)
  return { existing, turn, found }
}

async function readTurn(node: NodeContext, spec: TaskSpec, waitMs: number): Promise<TurnEdit | undefined> {
  if (spec.turnKey === undefined) return undefined
  return new TurnEdit(spec.turnKey, await node.read('turn', spec.turnKey, waitMs))
}

/** The task that this idempotency key made. @throws IDEMPOTENCY_CONFLICT when it was for another input. */
function idempotent(
  submission: Submission,
  id: string | undefined,
  found: ReadonlyMap<string, Entry<Kind>>,
): string | undefined {
  const record = id === undefined ? undefined : foundIn(found, 'idempotency', id)
  if (record === undefined) return undefined
  const { taskId, inputHash } = record.value
  if (inputHash === submission.inputHash) return taskId
  const idempotencyKey = submission.spec.idempotencyKey ?? ''
  throw new BatutaError(
    'IDEMPOTENCY_CONFLICT',
    `The idempotency key "${idempotencyKey}" was used before with another input.`,
    {
      data: { idempotencyKey, taskId },
      fix: 'Use a new key for a new request.',
    },
  )
}

/** One try of a submit: the set is built when it is about to be sent, and may take a slot that is free by then. */
class Draft {
  entry!: Entry
  reservation: Reservation | undefined

  constructor(
    private readonly node: NodeContext,
    private readonly dispatcher: Dispatcher,
    private readonly submission: Submission,
    private readonly id: string,
    private readonly known: LookedUp,
  ) {}

  build(notAfter: number): WriteSet {
    const { spec, inputHash, contributions } = this.submission
    const set = new SetBuilder(this.node)
    const task = this.#admit(set)
    this.reservation = task.state === 'ready' ? this.dispatcher.reserveAtOnce(task) : undefined
    const stored = this.reservation === undefined ? task : claimed(task, this.reservation.claim)
    this.entry = set.put('task', this.id, undefined, stored)
    if (spec.idempotencyKey !== undefined && inputHash !== undefined) {
      const key = idempotencyIdOf(spec.tenant, spec.type, spec.idempotencyKey)
      set.put('idempotency', key, undefined, { taskId: this.id, inputHash })
    }
    if (contributions !== undefined) {
      const found = withTask(this.known.found, this.entry)
      for (const contribution of contributions) contribution.apply(set, found)
    }
    return set.build(notAfter)
  }

  /** It was not stored: the slot is given back. */
  release(): void {
    if (this.reservation !== undefined) this.dispatcher.cancelReservation(this.reservation, this.entry.value)
  }

  /** The new task, with its number if its key is busy or idle. @throws what a busy key is refused with. */
  #admit(set: SetBuilder): TaskRecord {
    const { spec, whenBusy, busyError } = this.submission
    const { turn } = this.known
    const now = this.node.time.now()
    const task = newTask(spec, this.id, now, this.node.settings.boosts)
    if (turn === undefined || (task.state === 'scheduled' && task.merge !== true)) return task
    if (turn.isBusy && whenBusy === 'reject') throw busyError?.() ?? busy(spec)
    // One that waits for others to join it only holds its place until it is due.
    const admitted = task.state === 'scheduled' ? { ...task, seq: turn.join().seq } : turn.admit(task)
    turn.write(set, now)
    return admitted
  }
}

/** Contributions may refer to the task that is being made. */
function withTask(found: ReadonlyMap<string, Entry<Kind>>, entry: Entry): ReadonlyMap<string, Entry<Kind>> {
  return new Map(found).set(NEW_TASK, entry as Entry<Kind>)
}

/** The key under which a contribution finds the task that is being submitted. */
export const NEW_TASK = 'new task'

/** The task is there: another submit's, or our own, stored before its answer went missing. */
function found(entry: Entry, isNew: boolean, hooks: SubmitHooks): Submitted {
  if (isNew) hooks.submitted(entry)
  return { entry, isNew }
}

async function settledByReading(node: NodeContext, id: string): Promise<Entry> {
  const entry = await node.read('task', id, node.settings.storageWaitMs)
  if (entry !== undefined) return entry
  throw node.committer.unavailable()
}

function readOnly(kind: Kind, id: string): Contribution {
  return { reads: [{ kind, id }], apply: () => undefined }
}

function busy(spec: TaskSpec): BatutaError {
  const orderingKey = decodeURIComponent(spec.turnKey?.split('/')[2] ?? '')
  if (spec.sessionId !== undefined) {
    const message = `Session "${spec.sessionId}" is busy with an earlier task.`
    return new BatutaError('SESSION_BUSY', message, {
      data: { sessionId: spec.sessionId },
      fix: 'Try again when it has ended.',
    })
  }
  return new BatutaError('ORDERING_BUSY', `Ordering key "${orderingKey}" is busy with an earlier task.`, {
    data: { orderingKey },
    fix: 'Try again when it has ended.',
  })
}

function unknownOutcome(taskId: string, cause: unknown): BatutaError<'SUBMIT_OUTCOME_UNKNOWN'> {
  return new BatutaError(
    'SUBMIT_OUTCOME_UNKNOWN',
    'The storage went away before it said whether the task was stored.',
    {
      data: { taskId },
      fix: 'Look for it with getTask, or submit it again with the same idempotency key.',
      cause,
    },
  )
}
