import type { AttemptRecord } from '../../../task/task-record.js'
import type { CheckerFactory } from '../checker.js'
import { POLLER } from '../event-log.js'
import { type TaskChange, taskChanges, type World } from '../world.js'

/**
 * Invariant 2: at most one attempt per task is accepted, and it is the one whose claim stood; late and foreign results
 * change nothing.
 *
 * - attempts are only added at the end, numbered from 1 without gaps, each with a new token;
 * - an attempt that has ended never changes again, and at most one has ended `completed`;
 * - a task becomes `completed` only from `running`, by its last attempt, committed by the process of its owner, with the
 *   output that its handler returned;
 * - an attempt is `lost` only while its owner has no record; an owner's record is older than its first claim;
 * - the claim of an agent that polls is `lost` only after its own stored end;
 * - a process does not take back a claim that it is making or working on: it releases only what it does not begin with,
 *   and no handler that it has not told to stop;
 * - what `result()` told anybody is what is stored.
 */
export const acceptedOnce: CheckerFactory = (report, facts) => {
  const tokens = new Set<string>()
  /** Attempts that were released, by the process that did so. */
  const released = new Set<string>()
  const aborted = new Set<number>()
  const returned = new Map<number, { taskId: string; attempt: number; node: string }>()

  const checkNew = (id: string, attempt: AttemptRecord, index: number, world: World) => {
    if (attempt.number !== index + 1) report(`task ${id}: attempt ${index + 1} is numbered ${attempt.number}`, id)
    if (tokens.has(attempt.token)) report(`task ${id}: claim token ${attempt.token} was used before`, id)
    tokens.add(attempt.token)
    const isPolling = world.tasks.get(id)?.claimEndsAt !== undefined
    if (!isPolling && !world.ownerNodes.has(attempt.ownerId)) {
      report(`task ${id} was claimed by ${attempt.ownerId}, which never had a record`, id, attempt.ownerId)
    }
  }

  const checkAttempts = ({ id, before, after }: TaskChange, { node, atMs }: Place, world: World) => {
    const nowMs = facts.startMs + atMs
    const old = before?.attempts ?? []
    const now = after?.attempts ?? []
    if (now.length < old.length) return report(`task ${id} lost an attempt`, id)
    if (now.length > old.length + 1) report(`task ${id} got several attempts at once`, id)
    now.forEach((attempt, i) => {
      const was = old[i]
      if (was === undefined) checkNew(id, attempt, i, world)
      else if (was.outcome !== undefined && JSON.stringify(was) !== JSON.stringify(attempt)) {
        report(`task ${id}: ended attempt ${i + 1} was changed`, id)
      } else if (was.token !== attempt.token) report(`task ${id}: attempt ${i + 1} changed hands`, id)
      if (was?.outcome !== undefined || attempt.outcome === undefined) return
      if (attempt.outcome === 'released') checkRelease(`${node} ${id} ${attempt.number}`, id, world)
      if (before?.claimEndsAt === undefined) checkEnd(id, attempt, node, world)
      else if (attempt.outcome === 'lost' && before.claimEndsAt > nowMs) {
        report(`task ${id}: a polling claim was taken back ${before.claimEndsAt - nowMs} ms before its end`, id)
      }
    })
    if (now.length > old.length && old.length > 0 && old.at(-1)?.outcome === undefined) {
      report(`task ${id} was claimed again while an attempt was open`, id)
    }
    if (now.filter((attempt) => attempt.outcome === 'completed').length > 1) report(`task ${id} completed twice`, id)
  }

  const checkEnd = (id: string, attempt: AttemptRecord, node: string, world: World) => {
    const ownerNode = world.ownerNodes.get(attempt.ownerId)
    const isOwn = ownerNode === node
    if ((attempt.outcome === 'completed' || attempt.outcome === 'failed') && !isOwn) {
      report(`task ${id}: ${node} settled an attempt of ${attempt.ownerId} (${ownerNode})`, id)
    }
    if (attempt.outcome === 'lost' && world.owners.has(attempt.ownerId)) {
      report(`task ${id}: attempt ${attempt.number} was lost while its owner ${attempt.ownerId} had a record`, id)
    }
  }

  const checkRelease = (claim: string, id: string, world: World) => {
    released.add(claim)
    for (const run of world.running.values()) {
      if (`${run.node} ${run.taskId} ${run.attempt}` !== claim || aborted.has(run.run)) continue
      if (!run.agentId.startsWith(POLLER)) report(`${run.node} took back ${id} under its own handler`, id)
    }
  }

  const checkCompletion = ({ id, before, after }: TaskChange) => {
    if (after?.state !== 'completed' || before?.state === 'completed') return
    const last = after.attempts.at(-1)
    if (before?.state !== 'running') report(`task ${id} became completed from ${before?.state}`, id)
    if (last?.outcome !== 'completed') report(`task ${id} completed, but its last attempt is ${last?.outcome}`, id)
    const run = runOf(after.output)
    const handler = run === undefined ? undefined : returned.get(run)
    if (handler?.taskId !== id || handler.attempt !== last?.number) {
      report(`task ${id} completed with what no handler of attempt ${last?.number} had returned`, id)
    }
  }

  return {
    name: '2 accepted once',
    onEvent(event, world) {
      if (event.type === 'handler:abort') aborted.add(event.run)
      if (event.type === 'handler:return') returned.set(event.run, event)
      if (event.type === 'emitted' && event.name === 'task:started' && event.taskId !== undefined) {
        const number = world.tasks.get(event.taskId)?.attempts.at(-1)?.number
        if (released.has(`${event.node} ${event.taskId} ${number}`)) {
          report(`${event.node} had taken back the claim of ${event.taskId} that it begins with`, event.taskId)
        }
      }
      if (event.type === 'client:result') {
        const task = world.tasks.get(event.taskId)
        if (task !== undefined && task.state !== event.outcome) {
          report(`task ${event.taskId} is ${task.state}, but its submitter was told ${event.outcome}`, event.taskId)
        }
        if (task?.state === 'completed' && runOf(task.output) !== runOf(event.output)) {
          report(`task ${event.taskId}: its submitter was given another output than the stored one`, event.taskId)
        }
      }
      if (event.type !== 'commit') return
      for (const change of taskChanges(event)) {
        if (change.after === undefined) continue
        checkAttempts(change, event, world)
        checkCompletion(change)
      }
    },
  }
}

/** Which process committed a change, and when. */
interface Place {
  readonly node: string
  readonly atMs: number
}

/** The handler run that made an output. */
function runOf(output: unknown): number | undefined {
  return typeof output === 'object' && output !== null && 'run' in output && typeof output.run === 'number'
    ? output.run
    : undefined
}
