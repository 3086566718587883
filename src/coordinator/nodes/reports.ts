import type { BusMessage } from '../../bus/bus.js'
import type { ProgressReport } from '../../storage/records.js'
import type { NodeContext } from '../node-context.js'

/** Tasks whose progress one beat may carry. */
const MAX_TASKS = 64
/** A note is cut to so many characters: every node reads the record of every owner several times a second. */
const MAX_NOTE = 200

/**
 * Carries what handlers report of their progress to the other nodes: by the bus where all are on it; else the latest of each task
 * rides on this owner's next beat, which they read anyway. Either way it is live, and may be lost.
 */
export class Reports {
  readonly #latest = new Map<string, ProgressReport>()

  constructor(private readonly node: Pick<NodeContext, 'bus' | 'isHeard' | 'peers'>) {}

  report(report: ProgressReport): void {
    const { bus, isHeard, peers } = this.node
    if (isHeard) bus.publish({ type: 'progress', ...report })
    else if (!peers.isAlone && (this.#latest.has(report.taskId) || this.#latest.size < MAX_TASKS)) {
      const { note } = report
      this.#latest.set(report.taskId, note === undefined ? report : { ...report, note: note.slice(0, MAX_NOTE) })
    }
  }

  /** What is new since the last beat; `undefined` when nothing is. */
  take(): readonly ProgressReport[] | undefined {
    if (this.#latest.size === 0) return undefined
    const reports = [...this.#latest.values()]
    this.#latest.clear()
    return reports
  }
}

/** What a beat carried, as the hints that it stands for. */
export function hintsOf(reports: readonly ProgressReport[] | undefined): BusMessage[] {
  return (reports ?? []).map((report) => ({ type: 'progress', ...report }))
}
