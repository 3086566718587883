import type { AttemptRecord, TaskRecord } from '../../src/task/task-record.js'
import type { ChaosLine } from './chaos-log.js'

/** A handler started, and these ran then: it and others, each as `task/attempt (how the attempt ended)`. */
export interface HandlerStart {
  readonly id: string
  readonly running: ReadonlySet<string>
}

type Started = Extract<ChaosLine, { t: 'start' }>

/**
 * The handlers of some tasks as the log saw them start and end; a killed process ends all of its own. Of several processes
 * one may stand still and run a handler whose claim others have long taken back: that one is not counted.
 */
export function* runningHandlers(
  tasks: ReadonlyMap<string, TaskRecord>,
  lines: readonly ChaosLine[],
  nodes: number,
): Iterable<HandlerStart> {
  const lifeOf = new Map<string, string>()
  for (const line of lines) {
    if (line.t === 'killed') for (const [key, life] of lifeOf) if (life === line.life) lifeOf.delete(key)
    if (line.t !== 'start' && line.t !== 'end') continue
    const attempt = tasks.get(line.id)?.attempts[line.attempt - 1]
    if (attempt === undefined) continue
    const key = `${line.id}/${line.attempt} (${attempt.outcome})`
    if (line.t === 'end') lifeOf.delete(key)
    else if (nodes === 1 || !mayOutliveItsClaim(attempt, line, lines)) {
      lifeOf.set(key, line.life)
      yield { id: line.id, running: new Set(lifeOf.keys()) }
    }
  }
}

/**
 * A claim of a process that lives is taken back when it was declared dead. A cancelled one looks the same as any other cancelled
 * one afterwards: it passed its turn early only if its process stood still, or found itself declared dead, while it ran.
 */
function mayOutliveItsClaim({ outcome }: AttemptRecord, start: Started, lines: readonly ChaosLine[]): boolean {
  if (outcome !== 'cancelled') return outcome === 'lost' || outcome === 'released'
  const end = lines.find((line) => line.t === 'end' && isSame(line, start))
  const endedAt = end?.t === 'end' ? end.at : Number.POSITIVE_INFINITY
  return lines.some((line) => {
    if (line.t === 'stopped') return line.life === start.life && line.from <= endedAt && line.until >= start.at
    return line.t === 'owner' && line.life === start.life && line.at > start.at
  })
}

function isSame(a: Pick<Started, 'id' | 'attempt' | 'life'>, b: Started): boolean {
  return a.id === b.id && a.attempt === b.attempt && a.life === b.life
}
