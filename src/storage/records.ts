/**
 * Everything that batuta keeps, in one place: the kinds of record and the indexes that may be queried. There is no
 * other way to search, so every adapter can be fast. A change here is a change of {@link LAYOUT}.
 */
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import type { IndexDefinition, IndexKey, StorageSchema } from './storage.js'

/** Versions of the library with the same number may share a store. */
export const LAYOUT = 2

/** What a handler last said of its progress, for those who wait for its task elsewhere. */
export interface ProgressReport {
  readonly taskId: string
  readonly attempt: number
  readonly fraction?: number
  readonly note?: string
}

/** A process of the host, alive while its record keeps changing. `id` is the owner's id. */
export interface OwnerRecord {
  readonly startedAt: number
  /** Storage time of the beat. */
  readonly beatAt: number
  readonly layout: number
  /** How often its agents have changed: while it stands still, their records need not be read again. */
  readonly agentChanges?: number
  /** What its handlers reported since the beat before, where nodes have no bus. */
  readonly progress?: readonly ProgressReport[] | undefined
  readonly pid?: number
  readonly host?: string
}

/** One agent on one owner: what other nodes may know of it. `id` is `ownerId/agentId`. */
export interface AgentRecord {
  readonly ownerId: string
  readonly agentId: string
  readonly name: string
  readonly capabilities: readonly string[]
  readonly types: readonly string[]
  readonly maxConcurrentTasks: number
  readonly polling: boolean
  /** Whether it is given no new tasks: paused, or draining. */
  readonly paused: boolean
}

/** The queue of an ordering key. `head` is the number whose turn it is; equal to `nextSeq` when nobody is in it. */
export interface TurnRecord {
  readonly nextSeq: number
  readonly head: number
  /** Storage time of its last change, for purging. */
  readonly touchedAt: number
}

/** Which task an idempotency key made. `id` is `tenant/type/key`. */
export interface IdempotencyRecord {
  readonly taskId: string
  /** SHA-256 of the input as sent, keys sorted. */
  readonly inputHash: string
}

/** One of a definition's concurrency permits, taken. `id` is `type/n`. */
export interface PermitRecord {
  readonly taskId: string
  readonly token: string
}

/** Starts of a task type that one node may make, or has made, under a rate that holds over all nodes. */
export interface RateBlock {
  /** Unique; who wrote it knows it by this. */
  readonly id: string
  readonly ownerId: string
  readonly count: number
  /** Storage time after which it starts nothing more: `perMs` later it counts no longer. */
  readonly until: number
}

/** All that counts against the rate of one type. `id` is the type, encoded. */
export interface RateRecord {
  readonly blocks: readonly RateBlock[]
}

/** One context key of a session. */
export interface SessionKey {
  readonly value: unknown
  /** Counts the changes of this key, deletions included. */
  readonly version: number
}

/** A message as stored. */
export interface StoredMessage {
  readonly role: 'user' | 'assistant' | 'system'
  readonly text: string
  readonly at: number
  readonly messageId?: string
  /** The task that answers it, or that said it. */
  readonly taskId?: string
}

/** A conversation. `id` is `tenant/session id`. */
export interface SessionRecord {
  readonly tenant: string
  /** `tenant/channel/from`, for a session that messages opened. */
  readonly participant?: string
  readonly createdAt: number
  readonly lastMessageAt: number
  readonly messages: readonly StoredMessage[]
  readonly summary?: string
  readonly context: Readonly<Record<string, SessionKey>>
  /** Versions of deleted keys, so that a key made again is not mistaken for the old one. */
  readonly deleted?: Readonly<Record<string, number>>
  /** Message ids whose records live as long as this session. */
  readonly messageIds: readonly string[]
}

/** The open session of one participant. `id` is `tenant/channel/from`. */
export interface ParticipantRecord {
  readonly sessionId: string
}

/** A message that came, under its own id, so that it is answered once. `id` is `tenant/channel/from/messageId`. */
export interface MessageRecord {
  readonly sessionId: string
  readonly taskId: string
}

/** The value of a record, by kind. */
export interface ValueByKind {
  task: TaskRecord
  turn: TurnRecord
  owner: OwnerRecord
  agent: AgentRecord
  idempotency: IdempotencyRecord
  permit: PermitRecord
  rate: RateRecord
  session: SessionRecord
  participant: ParticipantRecord
  message: MessageRecord
}

/** The kinds of record. */
export type Kind = keyof ValueByKind

const KINDS: readonly Kind[] = [
  'task',
  'turn',
  'owner',
  'agent',
  'idempotency',
  'permit',
  'rate',
  'session',
  'participant',
  'message',
]

function index<K extends Kind>(
  kind: K,
  name: string,
  fields: Readonly<Record<string, 'text' | 'number'>>,
  key: (value: ValueByKind[K], id: string) => IndexKey | undefined,
): IndexDefinition {
  return {
    kind,
    name,
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
    key: key as IndexDefinition['key'],
  }
}

/** When the clockwork has to look at a task because time ran out for it. */
export function expiryOf(task: TaskRecord): number | undefined {
  if (task.claimEndsAt !== undefined) return task.claimEndsAt
  const unstarted = task.state === 'ready' || task.state === 'waiting' || task.state === 'scheduled'
  return unstarted && task.attempts.length === 0 ? task.expiresAt : undefined
}

const INDEXES: readonly IndexDefinition[] = [
  /** What a window refills from. */
  index('task', 'ready', { lane: 'text', tenant: 'text', rank: 'number', id: 'text' }, (task, id) =>
    task.state === 'ready' ? [task.lane, task.tenant, task.rank, id] : undefined,
  ),
  /** What the clockwork promotes. */
  index('task', 'due', { runAt: 'number', id: 'text' }, (task, id) =>
    task.state === 'scheduled' ? [task.runAt ?? 0, id] : undefined,
  ),
  /** Every unfinished task of an ordering key that has a number, whatever its state. */
  index('task', 'turn', { key: 'text', seq: 'number' }, (task) =>
    task.turnKey !== undefined && task.seq !== undefined && !isTerminal(task.state)
      ? [task.turnKey, task.seq]
      : undefined,
  ),
  /** Delayed tasks of an ordering key that have no number yet. */
  index('task', 'delayed', { key: 'text', id: 'text' }, (task, id) =>
    task.turnKey !== undefined && task.seq === undefined && task.state === 'scheduled' ? [task.turnKey, id] : undefined,
  ),
  /** What a node holds. Claims of polling agents end by time, so they are in `expires` instead. */
  index('task', 'held', { owner: 'text', id: 'text' }, (task, id) =>
    task.holder !== undefined && task.claimEndsAt === undefined ? [task.holder, id] : undefined,
  ),
  /** Polling claims that end, and tasks that must start by a time. */
  index('task', 'expires', { at: 'number', id: 'text' }, (task, id) => {
    const at = expiryOf(task)
    return at === undefined ? undefined : [at, id]
  }),
  /** What retention purges, each outcome by its own rule. */
  index('task', 'ended', { state: 'text', at: 'number', id: 'text' }, (task, id) =>
    isTerminal(task.state) && task.holder === undefined ? [task.state, task.endedAt ?? 0, id] : undefined,
  ),
  /** What users list. */
  index('task', 'listed', { state: 'text', createdAt: 'number', id: 'text' }, (task, id) => [
    task.state,
    task.createdAt,
    id,
  ]),
  index('owner', 'owners', { id: 'text' }, (_owner, id) => [id]),
  index('agent', 'agents', { owner: 'text', agent: 'text' }, (agent) => [agent.ownerId, agent.agentId]),
  /** Idle turns and sessions, oldest first, for purging. */
  index('turn', 'turns', { touchedAt: 'number', id: 'text' }, (turn, id) =>
    turn.head === turn.nextSeq ? [turn.touchedAt, id] : undefined,
  ),
  index('session', 'sessions', { lastMessageAt: 'number', id: 'text' }, (session, id) => [session.lastMessageAt, id]),
]

/** What adapters are opened with. */
export const SCHEMA: StorageSchema = { layout: LAYOUT, kinds: KINDS, indexes: INDEXES }
