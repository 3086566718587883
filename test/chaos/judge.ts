/** Judges a chaos run by what is in the database and in the log, and by nothing else. */
import { sessionRecordId } from '../../src/conversation/choose-session.js'
import { permitIdOf } from '../../src/coordinator/limits/permits.js'
import { type OwnerRecord, SCHEMA, type SessionRecord, type TurnRecord } from '../../src/storage/records.js'
import type { Storage } from '../../src/storage/storage.js'
import type { AttemptRecord, TaskRecord } from '../../src/task/task-record.js'
import { isTerminal, type TaskState } from '../../src/task/task-status.js'
import { type ChaosLine, ofKind, readChaosLog } from './chaos-log.js'
import { FILLING, LIMIT, MAX_RETRIES, type PlannedTask, planOf, SESSION_COUNTER, SLOTS } from './plan.js'
import { runningHandlers } from './running-handlers.js'
import { type StoreAddress, storageAt } from './stores.js'

/** Where to look, and what was to be done. */
export interface Evidence {
  readonly store: StoreAddress
  readonly log: string
  readonly seed: number
  readonly tasks: number
  /** Processes that worked at the same time. */
  readonly nodes: number
}

/** What was found. */
export interface Verdict {
  /** Empty when everything is as it must be. */
  readonly problems: readonly string[]
  readonly stored: number
  readonly acknowledged: number
  readonly lostAttempts: number
  readonly byState: Readonly<Record<string, number>>
}

interface Found {
  readonly tasks: ReadonlyMap<string, TaskRecord>
  readonly turns: ReadonlyMap<string, TurnRecord>
  readonly sessions: ReadonlyMap<string, SessionRecord>
  readonly owners: readonly OwnerRecord[]
  readonly agents: number
  readonly permits: readonly string[]
}

/** Reads everything and checks every clause. */
export async function judge(evidence: Evidence): Promise<Verdict> {
  const found = await readAll(evidence.store)
  const lines = readChaosLog(evidence.log)
  const plan = planOf(evidence.seed, evidence.tasks)
  const problems = [
    ...everyTaskEndedOnce(found, lines),
    ...nothingAcknowledgedIsLost(found, lines, plan),
    ...whatStandsWasClaimed(found, lines),
    ...asPlanned(found, lines, plan),
    ...followOnsOnce(found, plan),
    ...inOrder(found, lines, evidence.nodes),
    ...withinLimit(found, lines, evidence.nodes),
    ...nothingLeftBehind(found),
    ...noSlotLeaked(lines),
  ]
  const byState: Record<string, number> = {}
  let lostAttempts = 0
  for (const task of found.tasks.values()) {
    byState[task.state] = (byState[task.state] ?? 0) + 1
    lostAttempts += task.attempts.filter((attempt) => attempt.outcome === 'lost').length
  }
  const acknowledged = lines.filter((line) => line.t === 'ack').length
  return { problems, stored: found.tasks.size, acknowledged, lostAttempts, byState }
}

const STATES: readonly TaskState[] = ['scheduled', 'waiting', 'ready', 'running', 'completed', 'failed', 'cancelled']

async function readAll(store: StoreAddress): Promise<Found> {
  const storage = await storageAt(store)
  await storage.open(SCHEMA)
  const tasks = new Map<string, TaskRecord>()
  for (const state of STATES) {
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page = await storage.query('listed', { prefix: [state], limit: 1_000, cursor })
      for (const { id, value } of page.records) {
        const task = value as TaskRecord
        if (task.type !== FILLING) tasks.set(id, task)
      }
      cursor = page.cursor
    }
  }
  const keys = (of: (task: TaskRecord) => string | undefined) =>
    [...new Set([...tasks.values()].map(of))].filter((key) => key !== undefined)
  const permitIds = Array.from({ length: LIMIT }, (_, n) => permitIdOf('chaos.limited', n))
  const found: Found = {
    tasks,
    turns: await readMap<TurnRecord>(
      storage,
      'turn',
      keys((task) => task.turnKey),
    ),
    sessions: await readMap<SessionRecord>(storage, 'session', keys(sessionOf)),
    owners: (await storage.query('owners', { limit: 1_000 })).records.map(({ value }) => value as OwnerRecord),
    agents: (await storage.count('agents', {})).count,
    permits: [...(await readMap(storage, 'permit', permitIds)).keys()],
  }
  await storage.close()
  return found
}

async function readMap<T>(storage: Storage, kind: string, ids: readonly string[]): Promise<Map<string, T>> {
  const { records } = await storage.read(ids.map((id) => ({ kind, id })))
  return new Map(records.flatMap((record) => (record === undefined ? [] : [[record.id, record.value as T] as const])))
}

function sessionOf({ tenant, sessionId }: TaskRecord): string | undefined {
  return sessionId === undefined ? undefined : sessionRecordId(tenant, sessionId)
}

function* everyTaskEndedOnce({ tasks }: Found, lines: readonly ChaosLine[]): Iterable<string> {
  for (const [id, task] of tasks) {
    if (!isTerminal(task.state)) yield `task ${id} is still ${task.state}`
    else if (task.endedAt === undefined) yield `task ${id} is ${task.state} without an end`
    const open = task.attempts.filter((attempt) => attempt.outcome === undefined)
    if (open.length > 0) yield `task ${id} has an attempt that never ended`
    const accepted = task.attempts.filter((attempt) => attempt.outcome === 'completed')
    if (accepted.length !== (task.state === 'completed' ? 1 : 0))
      yield `task ${id} is ${task.state} with ${accepted.length} accepted attempts`
    if (task.attempts.some((attempt, i) => attempt.number !== i + 1)) yield `task ${id} misses an attempt`
  }
  const ended = new Map<string, string>()
  for (const { id, status } of ofKind(lines, 'ended')) {
    if (ended.has(id)) yield `task ${id} ended twice: ${ended.get(id)}, then ${status}`
    ended.set(id, status)
    const stands = tasks.get(id)?.state
    if (stands !== status) yield `task ${id} was seen to end as ${status} and is ${stands}`
  }
}

function* nothingAcknowledgedIsLost(
  { tasks }: Found,
  lines: readonly ChaosLine[],
  plan: readonly PlannedTask[],
): Iterable<string> {
  const acknowledged = new Map<number, string>()
  for (const { n, id } of ofKind(lines, 'ack')) {
    if (acknowledged.has(n)) yield `task number ${n} was acknowledged twice`
    acknowledged.set(n, id)
    if (!tasks.has(id)) yield `task number ${n} was acknowledged as ${id} and is not there`
  }
  if (acknowledged.size !== plan.length) yield `${plan.length - acknowledged.size} tasks were never acknowledged`
  const byKey = new Map<string, string>()
  for (const [id, { idempotencyKey }] of tasks) {
    if (idempotencyKey === undefined) continue
    if (byKey.has(idempotencyKey)) yield `idempotency key ${idempotencyKey} made two tasks`
    byKey.set(idempotencyKey, id)
  }
  for (const { n, idempotencyKey } of plan) {
    if (idempotencyKey !== undefined && byKey.get(idempotencyKey) !== acknowledged.get(n))
      yield `task number ${n} was acknowledged as another than its key made`
  }
}

/** The result that stands is the one of the attempt that was accepted, by the process that held its claim. */
function* whatStandsWasClaimed({ tasks }: Found, lines: readonly ChaosLine[]): Iterable<string> {
  const lifeOf = new Map(ofKind(lines, 'owner').map(({ owner, life }) => [owner, life]))
  const started = new Set(ofKind(lines, 'start').map(({ id, attempt, life }) => `${id}/${attempt}/${life}`))
  const returned = new Set(ofKind(lines, 'end').map(({ id, attempt, life }) => `${id}/${attempt}/${life}`))
  for (const [id, task] of tasks) {
    const accepted = task.attempts.find((attempt) => attempt.outcome === 'completed')
    if (accepted === undefined) {
      if (task.output !== undefined) yield `task ${id} is ${task.state} and has a result`
      continue
    }
    const output = task.output as { life: string; attempt: number } | undefined
    const holder = lifeOf.get(accepted.ownerId)
    if (output?.attempt !== accepted.number || output.life !== holder)
      yield `task ${id}: attempt ${accepted.number} of ${holder} was accepted with the result ${JSON.stringify(output)}`
    const key = `${id}/${accepted.number}/${holder}`
    if (!started.has(key) || !returned.has(key))
      yield `task ${id}: attempt ${accepted.number} was accepted and never ran`
  }
}

/** Each task ended as its script says, whatever was killed meanwhile. */
function* asPlanned(
  { tasks, sessions }: Found,
  lines: readonly ChaosLine[],
  plan: readonly PlannedTask[],
): Iterable<string> {
  const asked = new Set(ofKind(lines, 'cancelling').map(({ id }) => id))
  const cancelled = new Set(ofKind(lines, 'cancelled').flatMap(({ id, accepted }) => (accepted ? [id] : [])))
  const counted = new Map<string, number>()
  for (const [id, task] of tasks) {
    if (task.state === 'cancelled') {
      if (!asked.has(id)) yield `task ${id} was cancelled by nobody`
      continue
    }
    if (cancelled.has(id)) yield `task ${id} is ${task.state} after its cancel was accepted`
    const session = sessionOf(task)
    if (task.state === 'completed' && session !== undefined) counted.set(session, (counted.get(session) ?? 0) + 1)
    const script = task.parentId === undefined ? plan[(task.input as { n: number }).n] : undefined
    const failures = script?.failures ?? 0
    const expected = failures > MAX_RETRIES && task.type === 'chaos.work' ? 'failed' : 'completed'
    if (task.state !== expected) yield `task ${id} is ${task.state}, not ${expected}: ${task.error?.message}`
    const failed = task.attempts.filter((attempt) => attempt.outcome === 'failed').length
    if (failed !== failures) yield `task ${id} failed ${failed} times, not ${failures}`
  }
  for (const [sessionId, count] of counted) {
    const written = sessions.get(sessionId)?.context[SESSION_COUNTER]?.value
    if (written !== count) yield `session ${sessionId} counted ${written} results, not ${count}`
  }
}

/** Staged tasks exist once for each parent that completed, and for no other. */
function* followOnsOnce({ tasks }: Found, plan: readonly PlannedTask[]): Iterable<string> {
  const children = new Map<string, number>()
  for (const { parentId } of tasks.values()) {
    if (parentId === undefined) continue
    children.set(parentId, (children.get(parentId) ?? 0) + 1)
    if (!tasks.has(parentId)) yield `a follow-on task has no parent ${parentId}`
  }
  for (const [id, task] of tasks) {
    const script = task.parentId === undefined ? plan[(task.input as { n: number }).n] : undefined
    // A fallback function stages nothing.
    const stages = task.state === 'completed' && (script?.failures ?? 0) <= MAX_RETRIES ? (script?.followOns ?? 0) : 0
    const count = children.get(id) ?? 0
    if (count !== stages) yield `task ${id} (${task.state}) made ${count} follow-on tasks, not ${stages}`
  }
}

/** Of one ordering key: one at a time, in the order of the numbers. */
function* inOrder({ tasks, turns }: Found, lines: readonly ChaosLine[], nodes: number): Iterable<string> {
  for (const [turnKey, group] of groupBy([...tasks.values()], (task) => task.turnKey)) {
    if (turnKey === undefined) continue
    const numbered = group.filter((task) => task.seq !== undefined).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
    const numbers = numbered.map(({ seq }) => seq ?? 0)
    if (new Set(numbers).size !== numbers.length) yield `${turnKey} gave a number twice`
    const nextSeq = turns.get(turnKey)?.nextSeq ?? 1
    if (numbers.some((seq) => seq >= nextSeq)) yield `${turnKey} has numbers beyond its record`
    // Between processes, times of attempts differ by what an answer takes: there only the log tells what came first.
    if (nodes === 1) yield* claimsInOrder(turnKey, numbered)
    yield* handlersInOrder(turnKey, numbered, lines, nodes)
  }
}

/** By the claims: each attempt begins when all of the tasks before it are over. */
function* claimsInOrder(turnKey: string, ordered: readonly TaskRecord[]): Iterable<string> {
  let last: { id: string; attempt: AttemptRecord } | undefined
  for (const { id, attempts } of ordered) {
    for (const attempt of attempts) {
      if (last !== undefined && attempt.startedAt < (last.attempt.endedAt ?? Number.POSITIVE_INFINITY))
        yield `${turnKey}: ${id} began at ${attempt.startedAt}, before ${last.id} ended at ${last.attempt.endedAt}`
      last = { id, attempt }
    }
  }
}

/** By the log: a handler starts when no other of the key runs, and none of a later task has. */
function* handlersInOrder(
  turnKey: string,
  ordered: readonly TaskRecord[],
  lines: readonly ChaosLine[],
  nodes: number,
): Iterable<string> {
  const place = new Map(ordered.map((task, i) => [task.id, i]))
  let highest = -1
  for (const { id, running } of runningHandlers(new Map(ordered.map((task) => [task.id, task])), lines, nodes)) {
    if (running.size > 1) yield `${turnKey}: handlers ran at once: ${[...running].join(', ')}`
    const at = place.get(id) ?? 0
    if (at < highest) yield `${turnKey}: a handler of ${id} started after one of ${ordered[highest]?.id}`
    highest = Math.max(highest, at)
  }
}

/** Never more handlers at once than there are permits. */
function* withinLimit({ tasks }: Found, lines: readonly ChaosLine[], nodes: number): Iterable<string> {
  const limited = new Map([...tasks].filter(([, task]) => task.type === 'chaos.limited'))
  for (const { running } of runningHandlers(limited, lines, nodes)) {
    if (running.size > LIMIT) yield `${running.size} handlers of chaos.limited ran at once: ${[...running].join(', ')}`
  }
}

function* nothingLeftBehind({ tasks, turns, owners, agents, permits }: Found): Iterable<string> {
  for (const [id, task] of tasks) {
    if (task.holder !== undefined) yield `task ${id} is still held by ${task.holder}`
    if (task.permitId !== undefined) yield `task ${id} still names permit ${task.permitId}`
  }
  for (const [key, { head, nextSeq }] of turns) {
    if (head !== nextSeq) yield `${key} is stuck at ${head} of ${nextSeq}`
  }
  for (const id of permits) yield `permit ${id} is still taken`
  if (owners.length > 0) yield `${owners.length} owners are still there`
  if (agents > 0) yield `${agents} agent records are still there`
}

/** Whoever was up until the end could run as many at once as it has slots. */
function* noSlotLeaked(lines: readonly ChaosLine[]): Iterable<string> {
  const filled = ofKind(lines, 'filled')
  if (filled.length === 0) yield 'no process was filled'
  for (const { life, slots } of filled) if (slots !== SLOTS) yield `${life} ran ${slots} at once, not ${SLOTS}`
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
