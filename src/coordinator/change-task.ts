import { givenTurn, isOver } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { type Contribution, readFor, SetBuilder } from './commit/set-builder.js'
import type { Entry, NodeContext } from './node-context.js'
import { nextInTurn, TurnEdit } from './turns.js'

/** What is to become of a task, and what rides along in the same set. */
export interface Plan {
  readonly after: TaskRecord
  /** New tasks, made in the same set. One with a `turnKey` takes its number there. */
  readonly children?: readonly TaskRecord[] | undefined
  readonly contributions?: readonly Contribution[] | undefined
  /** The task takes a number of its turn now (it was delayed and is due). */
  readonly takesNumber?: boolean | undefined
  /** It is promoted: ready if it has the turn as read, else waiting. */
  readonly needsTurn?: boolean | undefined
}

/** A change that was committed. */
export interface Change {
  readonly before: Entry
  readonly after: Entry
  /** The task that got the turn. */
  readonly next: Entry | undefined
  readonly children: readonly Entry[]
}

/** What came of {@link changeTask}: a change, or the task as it stands when there was nothing (more) to do. */
export type ChangeResult =
  | { readonly change: Change }
  | { readonly change: undefined; readonly stands: Entry | undefined }

/** Told of every change that was committed, in the order of the answers. */
export type OnChange = (change: Change) => void

/**
 * The one door through which an existing task changes. Reads what the change depends on, builds the set, commits it guarded
 * by every version read, and starts over when something moved meanwhile.
 *
 * @param decide - what is to become of the task as it stands; `undefined` when there is nothing to do, which includes
 * finding one's own earlier commit there. Called again for every try.
 */
export async function changeTask(
  node: NodeContext,
  onChange: OnChange,
  entry: Entry,
  decide: (task: TaskRecord) => Plan | undefined,
): Promise<ChangeResult> {
  let current = entry
  for (;;) {
    const plan = decide(current.value)
    if (plan === undefined) return { change: undefined, stands: current }
    const built = standsAlone(current.value, plan) ? buildAlone(node, current, plan) : await build(node, current, plan)
    const result = await node.committer.commit(built.set.build(node.latest()))
    if (result.applied) {
      onChange(built.change)
      return built
    }
    // Refused is not lost: something moved, or the answer to our own commit went missing. The record will say.
    const again = await node.read('task', entry.id)
    if (again === undefined) return { change: undefined, stands: undefined }
    current = again
  }
}

/** Only the task itself changes: there is nothing to read. */
function standsAlone(before: TaskRecord, plan: Plan): boolean {
  if (before.turnKey !== undefined || before.permitId !== undefined) return false
  return (
    (plan.children === undefined || plan.children.length === 0) &&
    (plan.contributions === undefined || plan.contributions.length === 0)
  )
}

function buildAlone(node: NodeContext, before: Entry, plan: Plan): { set: SetBuilder; change: Change } {
  const set = new SetBuilder(node)
  const after = set.put('task', before.id, before, plan.after)
  return { set, change: { before, after, next: undefined, children: NONE } }
}

const NONE: readonly Entry[] = []

async function build(node: NodeContext, before: Entry, plan: Plan): Promise<{ set: SetBuilder; change: Change }> {
  const set = new SetBuilder(node)
  const turns = await readTurns(node, before.value, plan)
  const own = before.value.turnKey === undefined ? undefined : turns.get(before.value.turnKey)
  const after = admitted(before.value, plan, own)
  const passes = own !== undefined && before.value.seq !== undefined && own.has(before.value.seq) && isOver(after)
  const [next, found] = await Promise.all([
    passes ? nextInTurn(node, own.id, before.value.seq ?? 0) : undefined,
    readFor(node, plan.contributions ?? []),
  ])
  if (passes) own.pass(next?.value.seq)
  const now = node.time.now()
  const written = set.put('task', before.id, before, after)
  if (before.value.permitId !== undefined && after.permitId === undefined) {
    const token = before.value.attempts[before.value.attempts.length - 1]?.token
    // A permit's version is the token of the claim that took it.
    if (token !== undefined) set.remove('permit', before.value.permitId, token)
  }
  const nextWritten = passes && next !== undefined ? giveTurn(set, next) : undefined
  const children = (plan.children ?? []).map((child) => {
    const turn = child.turnKey === undefined || child.state === 'scheduled' ? undefined : turns.get(child.turnKey)
    return set.put('task', child.id, undefined, turn === undefined ? child : turn.admit(child))
  })
  for (const turn of turns.values()) {
    if (turn.isChanged) turn.write(set, now)
    else turn.expect(set)
  }
  for (const contribution of plan.contributions ?? []) contribution.apply(set, found)
  return { set, change: { before, after: written, next: nextWritten, children } }
}

/** The turns that the change may touch, read before anything that depends on them. */
async function readTurns(node: NodeContext, before: TaskRecord, plan: Plan): Promise<Map<string, TurnEdit>> {
  const ids = new Set<string>()
  const isNumbered = before.seq !== undefined
  const needsOwn = plan.takesNumber === true || (isNumbered && (isOver(plan.after) || plan.needsTurn === true))
  if (before.turnKey !== undefined && needsOwn) ids.add(before.turnKey)
  for (const child of plan.children ?? []) {
    if (child.turnKey !== undefined && child.state !== 'scheduled') ids.add(child.turnKey)
  }
  const turns = new Map<string, TurnEdit>()
  if (ids.size === 0) return turns
  const list = [...ids]
  for (const [i, was] of (await node.readMany('turn', list)).entries()) {
    const id = list[i]
    if (id !== undefined) turns.set(id, new TurnEdit(id, was))
  }
  return turns
}

function admitted(before: TaskRecord, plan: Plan, turn: TurnEdit | undefined): TaskRecord {
  if (turn === undefined) return plan.after
  if (plan.takesNumber === true) return turn.admit(plan.after)
  if (plan.needsTurn === true && before.seq !== undefined) {
    return { ...plan.after, state: turn.has(before.seq) ? 'ready' : 'waiting' }
  }
  return plan.after
}

/** A waiting task becomes ready; a message that is still collecting others keeps its delay and only holds its place. */
function giveTurn(set: SetBuilder, next: Entry): Entry | undefined {
  if (next.value.state === 'waiting') return set.put('task', next.id, next, givenTurn(next.value))
  set.expect('task', next.id, next)
  return undefined
}
