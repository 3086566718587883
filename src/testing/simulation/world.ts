import type { OwnerRecord, PermitRecord, SessionRecord, TurnRecord } from '../../storage/records.js'
import type { TaskRecord } from '../../task/task-record.js'
import { isTerminal } from '../../task/task-status.js'
import type { Change, HandlerRun, LoggedEvent } from './event-log.js'

/** A change of a task. */
export interface TaskChange {
  readonly id: string
  readonly before: TaskRecord | undefined
  readonly after: TaskRecord | undefined
}

/** A process of the run. */
export interface NodeState {
  state: 'up' | 'stopping' | 'stopped' | 'crashed'
}

/**
 * The records as they stood after each event, rebuilt from the journal: what checkers look at. Handlers and processes
 * are kept beside them.
 */
export class World {
  readonly tasks = new Map<string, TaskRecord>()
  readonly turns = new Map<string, TurnRecord>()
  readonly owners = new Map<string, OwnerRecord>()
  /** Which process made an owner's record; stays when the record goes. */
  readonly ownerNodes = new Map<string, string>()
  readonly permits = new Map<string, PermitRecord>()
  readonly sessions = new Map<string, SessionRecord>()
  readonly nodes = new Map<string, NodeState>()
  /** Handlers that have started and not ended, by run. */
  readonly running = new Map<number, HandlerRun & { readonly atMs: number }>()
  /** Ids of unfinished or held tasks that have a number, by ordering key. */
  readonly inTurn = new Map<string, Set<string>>()
  /** Ids of tasks that an instance holds, by instance. */
  readonly heldBy = new Map<string, Set<string>>()
  /** Ids of ready tasks, by lane and tenant. */
  readonly ready = new Map<string, Set<string>>()

  /** Takes an event in. */
  apply(event: LoggedEvent): void {
    switch (event.type) {
      case 'commit':
        for (const change of event.changes) this.#change(event.node, change)
        return
      case 'handler:start':
        this.running.set(event.run, event)
        return
      case 'handler:return':
      case 'handler:throw':
        this.running.delete(event.run)
        return
      case 'node:start':
        this.nodes.set(event.node, { state: 'up' })
        return
      case 'node:crash':
        this.#setNode(event.node, 'crashed')
        for (const [run, handler] of this.running) if (handler.node === event.node) this.running.delete(run)
        return
      case 'node:stopping':
        this.#setNode(event.node, 'stopping')
        return
      case 'node:stopped':
        this.#setNode(event.node, 'stopped')
        return
    }
  }

  #setNode(name: string, state: NodeState['state']): void {
    const node = this.nodes.get(name)
    if (node !== undefined) node.state = state
  }

  #change(node: string, { kind, id, after }: Change): void {
    const value = after?.value
    if (kind === 'task') this.#changeTask(id, value as TaskRecord | undefined)
    if (kind === 'owner' && value !== undefined && !this.ownerNodes.has(id)) this.ownerNodes.set(id, node)
    const map = this.#mapOf(kind)
    if (map === undefined) return
    if (value === undefined) map.delete(id)
    else map.set(id, value)
  }

  #mapOf(kind: string): Map<string, unknown> | undefined {
    const maps: Record<string, Map<string, unknown>> = {
      turn: this.turns,
      owner: this.owners,
      permit: this.permits,
      session: this.sessions,
    }
    return maps[kind]
  }

  #changeTask(id: string, task: TaskRecord | undefined): void {
    const before = this.tasks.get(id)
    for (const [map, key] of this.#placesOf(before)) map.get(key)?.delete(id)
    if (task === undefined) this.tasks.delete(id)
    else this.tasks.set(id, task)
    for (const [map, key] of this.#placesOf(task)) {
      const ids = map.get(key) ?? new Set()
      ids.add(id)
      map.set(key, ids)
    }
  }

  #placesOf(task: TaskRecord | undefined): [Map<string, Set<string>>, string][] {
    if (task === undefined) return []
    const places: [Map<string, Set<string>>, string][] = []
    if (task.turnKey !== undefined && task.seq !== undefined && isOccupying(task)) {
      places.push([this.inTurn, task.turnKey])
    }
    const attempt = task.attempts.at(-1)
    if (task.holder !== undefined && attempt !== undefined) places.push([this.heldBy, attempt.instanceId])
    if (task.state === 'ready') places.push([this.ready, laneKey(task)])
    return places
  }
}

/** Whether a task is unfinished, or finished with a handler that has not returned yet. */
export function isOccupying(task: TaskRecord): boolean {
  return !isTerminal(task.state) || task.holder !== undefined
}

/** Names a tenant's part of a lane. */
export function laneKey(task: TaskRecord): string {
  return `${task.lane} ${task.tenant}`
}

/** The changes of tasks in an event. */
export function taskChanges(event: LoggedEvent): TaskChange[] {
  if (event.type !== 'commit') return []
  return event.changes
    .filter((change) => change.kind === 'task')
    .map(({ id, before, after }) => ({
      id,
      before: before?.value as TaskRecord | undefined,
      after: after?.value as TaskRecord | undefined,
    }))
}
