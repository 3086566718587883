import type { InstanceLoad } from '../instance-load.js'
import type { DecisionRecording, RecordedDecision, RecordedResult } from './recording.js'
import { type Compared, type ReplayReport, replayReport } from './replay-report.js'

/** What the choices of one side add up to. */
class Side {
  decided = 0
  latencies = 0
  latencyMs = 0
  failures = 0
  cost = 0
  readonly byAgent = new Map<string, number>()

  /** Takes note of a choice. The instance has the numbers of the moment. */
  chose(load: InstanceLoad | undefined, taskType: string): void {
    if (load === undefined) return
    this.decided++
    this.byAgent.set(load.agentId, (this.byAgent.get(load.agentId) ?? 0) + 1)
    this.failures += 1 - load.successRate
    this.cost += load.cost
    const latencyMs = load.latencyMs(taskType)
    if (latencyMs === undefined) return
    this.latencies++
    this.latencyMs += latencyMs
  }

  get meanLatencyMs(): number | undefined {
    return this.latencies === 0 ? undefined : this.latencyMs / this.latencies
  }

  shareOf(agent: string): number {
    return this.decided === 0 ? 0 : (this.byAgent.get(agent) ?? 0) / this.decided
  }
}

/** Counts while decisions are replayed. */
export class ReplayTally {
  readonly #recorded = new Side()
  readonly #replayed = new Side()
  readonly #strategy: string
  readonly #by: string
  readonly #hasForgotten: boolean
  readonly #changed: { taskId: string; from?: string; to?: string }[] = []
  #decisions = 0
  #sampled = 0
  #broken = 0
  #unknownLatencies = 0
  #results = 0
  #failures = 0
  #succeeded = 0
  #durationMs = 0

  /** @param strategy - who decides this time; absent for the same ones. */
  constructor({ strategies }: DecisionRecording, strategy: string | undefined, hasForgotten: boolean) {
    this.#by = [...new Set(strategies.map(({ name }) => name))].join(', ')
    this.#strategy = strategy ?? this.#by
    this.#hasForgotten = hasForgotten
  }

  decided(
    entry: RecordedDecision,
    was: InstanceLoad | undefined,
    is: InstanceLoad | undefined,
    isBroken: boolean,
  ): void {
    this.#decisions++
    if (entry.sampled) this.#sampled++
    if (isBroken) this.#broken++
    this.#recorded.chose(was, entry.task.type)
    this.#replayed.chose(is, entry.task.type)
    if ([was, is].some((load) => load !== undefined && load.latencyMs(entry.task.type) === undefined))
      this.#unknownLatencies++
    if (was === is) return
    const [from, to] = [was?.instanceId, is?.instanceId]
    this.#changed.push({ taskId: entry.task.id, ...(from !== undefined && { from }), ...(to !== undefined && { to }) })
  }

  settled(outcome: RecordedResult['outcome'], durationMs: number): void {
    if (outcome === 'neutral') return
    this.#results++
    if (outcome === 'failure') this.#failures++
    else {
      this.#succeeded++
      this.#durationMs += durationMs
    }
  }

  report(): ReplayReport {
    const [recorded, replayed] = [this.#recorded, this.#replayed]
    const agents = [...new Set([...recorded.byAgent.keys(), ...replayed.byAgent.keys()])]
      .map((agent) => ({ agent, ...pair((side) => side.shareOf(agent), recorded, replayed) }))
      .sort((a, b) => b.recorded - a.recorded || b.replayed - a.replayed)
    return replayReport({
      by: this.#by,
      strategy: this.#strategy,
      decisions: this.#decisions,
      same: this.#decisions - this.#changed.length,
      changed: this.#changed,
      agents,
      declined: pair((side) => this.#decisions - side.decided, recorded, replayed),
      expectedLatencyMs: pair((side) => side.meanLatencyMs, recorded, replayed),
      expectedFailures: pair((side) => side.failures, recorded, replayed),
      cost: pair((side) => side.cost, recorded, replayed),
      outcomes: {
        known: this.#results,
        failed: this.#failures,
        ...(this.#succeeded > 0 && { meanMs: this.#durationMs / this.#succeeded }),
      },
      sampled: this.#sampled,
      broken: this.#broken,
      unknownLatencies: this.#unknownLatencies,
      startedWithoutMemory: this.#hasForgotten,
    })
  }
}

function pair<T>(of: (side: Side) => T, recorded: Side, replayed: Side): Compared<T> {
  return { recorded: of(recorded), replayed: of(replayed) }
}
