import { BatutaError } from '../../errors/base-error.js'
import { type Task, taskOf } from '../../task/task.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { TaskState, TaskStatus } from '../../task/task-status.js'
import { checkListFilter, checkRedriveFilter } from '../callers/check-calls.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { ListFilter, ListPage, RedriveFilter } from './listing-types.js'

/** The stored states behind a status, in the order in which they are listed. */
export const STATES: Readonly<Record<TaskStatus, readonly TaskState[]>> = {
  pending: ['ready', 'scheduled', 'waiting'],
  running: ['running'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['cancelled'],
}

/** Where a listing goes on: in each state, after the last task that was given. */
type Position = readonly [createdAt: number, id: string]

/** A query gives 1,000 records at most, one of which may be the one that the page before ended with. */
const LONGEST_PAGE = 999

/** Stored states in the order in which a task comes to them; to those of one step from the same one. */
const STEPS: readonly (readonly TaskState[])[] = [
  ['scheduled'],
  ['waiting'],
  ['ready'],
  ['running'],
  ['completed', 'failed', 'cancelled'],
]

/**
 * Tasks by time, merged over the stored states that the filter asks for. The states are read one after the other as a task comes
 * to them: one that moves on meanwhile is read twice, and counts as it was read last, but is not missed. Only one that goes
 * back, to be tried again, may be.
 */
export async function listTasks(node: NodeContext, filter: ListFilter = {}): Promise<ListPage> {
  checkListFilter(filter)
  const limit = Math.min(filter.limit ?? 100, LONGEST_PAGE)
  const order = filter.order ?? 'desc'
  const position = filter.cursor === undefined ? undefined : positionOf(filter.cursor)
  const states = statesOf(filter)
  const found = new Map<string, Entry>()
  for (const step of STEPS) {
    const asked = step.filter((state) => states.includes(state))
    const pages = await Promise.all(asked.map((state) => page(node, state, filter, position, order, limit)))
    for (const entry of pages.flat()) found.set(entry.id, entry)
  }
  const sign = order === 'asc' ? 1 : -1
  const merged = [...found.values()].sort(
    (a, b) => sign * (a.value.createdAt - b.value.createdAt || (a.id < b.id ? -1 : 1)),
  )
  const window = merged.slice(0, limit)
  const last = window[window.length - 1]
  const tasks: Task[] = window.filter((entry) => matches(entry.value, filter)).map((entry) => taskOf(entry.value))
  if (window.length < limit || last === undefined) return { tasks }
  const cursor = Buffer.from(JSON.stringify([last.value.createdAt, last.id])).toString('base64url')
  return { tasks, cursor }
}

function page(
  node: NodeContext,
  state: TaskState,
  filter: ListFilter,
  position: Position | undefined,
  order: 'asc' | 'desc',
  limit: number,
): Promise<readonly Entry[]> {
  const from = filter.from === undefined ? undefined : Number(filter.from)
  const until = filter.until === undefined ? undefined : Number(filter.until)
  // `after` and `upTo` bound the range whatever the order; a position narrows the end that the walk starts from.
  const low =
    order === 'asc' && position !== undefined
      ? [state, ...position]
      : from === undefined
        ? undefined
        : [state, from - 1]
  const high = until === undefined ? undefined : [state, until - 1]
  if (order === 'asc' || position === undefined) {
    return node.query('task', 'listed', { prefix: [state], after: low, upTo: high, order, limit })
  }
  return node
    .query('task', 'listed', { prefix: [state], after: low, upTo: [state, ...position], order, limit: limit + 1 })
    .then((entries) => entries.filter((entry) => entry.id !== position[1]))
}

/** @throws OPTIONS_INVALID for what is no cursor of ours. */
function positionOf(cursor: string): Position {
  try {
    const [createdAt, id]: unknown[] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (typeof createdAt === 'number' && typeof id === 'string') return [createdAt, id]
  } catch {
    // Falls through to the same error.
  }
  throw new BatutaError('OPTIONS_INVALID', 'This cursor is none that a page of listTasks gave.', {
    data: { issues: [{ path: ['cursor'], message: 'must be the cursor of an earlier page' }] },
    fix: 'Begin without a cursor.',
  })
}

function statesOf(filter: ListFilter): readonly TaskState[] {
  const { status } = filter
  if (status === undefined) return Object.values(STATES).flat()
  const list: readonly TaskStatus[] = typeof status === 'string' ? [status] : status
  return list.flatMap((one) => STATES[one])
}

function matches(task: TaskRecord, filter: ListFilter): boolean {
  return (
    (filter.type === undefined || task.type === filter.type) &&
    (filter.tenant === undefined || task.tenant === filter.tenant)
  )
}

/** The failed tasks that a redrive is about, oldest first, and whether there are more. */
export async function failedTasks(
  node: NodeContext,
  filter: RedriveFilter,
): Promise<{ entries: Entry[]; more: boolean }> {
  checkRedriveFilter(filter)
  const limit = filter.limit ?? 100
  const isAsked = (entry: Entry | undefined): entry is Entry =>
    entry?.value.state === 'failed' &&
    matches(entry.value, filter) &&
    (filter.code === undefined || entry.value.error?.code === filter.code)
  if (filter.ids !== undefined) {
    const entries = (await node.readMany('task', filter.ids)).filter(isAsked)
    return { entries: entries.slice(0, limit), more: entries.length > limit }
  }
  const entries: Entry[] = []
  const upTo = filter.until === undefined ? undefined : ['failed', Number(filter.until) - 1]
  let after: readonly (string | number)[] | undefined =
    filter.from === undefined ? undefined : ['failed', Number(filter.from) - 1]
  for (;;) {
    const found: readonly Entry[] = await node.query('task', 'ended', { prefix: ['failed'], after, upTo, limit: 500 })
    for (const entry of found) {
      if (!isAsked(entry)) continue
      if (entries.length === limit) return { entries, more: true }
      entries.push(entry)
    }
    const last = found[found.length - 1]
    if (found.length < 500 || last === undefined) return { entries, more: false }
    after = ['failed', last.value.endedAt ?? 0, last.id]
  }
}
