import type { Random } from '../../internal/random.js'
import type { CandidateSnapshot } from '../candidate-snapshot.js'
import type { RoutingDecision } from '../decision.js'
import type { InstanceLoad } from '../instance-load.js'
import type { LanePool } from '../lane-pool.js'
import type { RoutingFeedback, RoutingStrategy } from '../routing-strategy.js'
import { type DecisionRecording, MAX_RECORDED_POOL, type RecordedDecision, type RecordedResult } from './recording.js'
import { RecordingTables } from './recording-tables.js'

/** Parts of a recording, each with the state of its strategies at its beginning: the oldest is dropped whole. */
const SEGMENTS = 8

/** `[numbers, slot, numbers, slot ...]` */
type Places = (CandidateSnapshot | number)[]

interface DecisionEntry {
  readonly decision: RoutingDecision
  readonly asked: RoutingStrategy
  readonly pool: string
  readonly circle: number
  readonly sampled: boolean
  readonly candidates: Places
  readonly busy: Places
  readonly away: Places
  readonly draws: readonly number[]
  readonly chosen: CandidateSnapshot | undefined
}

interface ResultEntry {
  readonly decision: RoutingDecision
  readonly feedback: RoutingFeedback
}

interface Segment {
  /** What each strategy remembered before it was first asked or told something in this segment. */
  readonly states: Map<RoutingStrategy, unknown>
  readonly entries: (DecisionEntry | ResultEntry)[]
  decisions: number
}

/**
 * Keeps the last decisions with all that they depended on. What a strategy remembers is taken once per segment and
 * not per decision: in between it follows from the decisions and results, which are kept in their order.
 */
export class DecisionRecorder {
  /** The router's randomness; what is drawn from it is noted. */
  readonly random: Random
  readonly #maxDecisions: number
  readonly #onBroken: (strategy: RoutingStrategy, cause: unknown) => void
  readonly #segments: Segment[] = []
  #draws: number[] = []
  #decisions = 0

  /** @param onBroken - told when a strategy's `snapshot` throws. */
  constructor(maxDecisions: number, random: Random, onBroken: (strategy: RoutingStrategy, cause: unknown) => void) {
    this.#maxDecisions = maxDecisions
    this.#onBroken = onBroken
    this.random = {
      next: () => {
        const drawn = random.next()
        this.#draws.push(drawn)
        return drawn
      },
    }
  }

  /** A strategy is about to be asked. */
  asks(strategy: RoutingStrategy): void {
    this.#touch(this.#room(), strategy)
  }

  /** It has decided; nothing is assigned yet. */
  decided(decision: RoutingDecision, asked: RoutingStrategy, pool: LanePool, chosen: InstanceLoad | undefined): void {
    const segment = this.#room()
    const sampled = pool.members > MAX_RECORDED_POOL
    segment.entries.push({
      decision,
      asked,
      pool: pool.id,
      circle: pool.circle,
      sampled,
      ...(sampled ? sampleOf(pool, decision) : placesOf(pool)),
      draws: this.#draws,
      chosen: chosen?.snapshot(),
    })
    this.#draws = []
    segment.decisions++
    this.#decisions++
  }

  /** The strategy that decided is about to hear how it went. */
  settles(decision: RoutingDecision, feedback: RoutingFeedback): void {
    const segment = this.#segments.at(-1)
    if (segment === undefined) return
    this.#touch(segment, decision.decidedBy.strategy)
    segment.entries.push({ decision, feedback })
  }

  /** All that is kept, as plain JSON. */
  recording(): DecisionRecording {
    const tables = new RecordingTables()
    for (const { states } of this.#segments) for (const [strategy, state] of states) tables.strategy(strategy, state)
    const indexes = new Map<RoutingDecision, number>()
    const entries = this.#segments
      .flatMap((segment) => segment.entries)
      .map((entry, index): RecordedDecision | RecordedResult => {
        if ('feedback' in entry) return resultOf(entry, indexes.get(entry.decision), tables)
        indexes.set(entry.decision, index)
        return decisionOf(entry, tables)
      })
    const { instances, numbers, strategies } = tables
    return { format: 'batuta.decisions/1', instances, numbers, strategies, entries }
  }

  #touch({ states }: Segment, strategy: RoutingStrategy): void {
    if (states.has(strategy)) return
    let state: unknown
    try {
      state = strategy.snapshot?.()
    } catch (cause) {
      this.#onBroken(strategy, cause)
    }
    states.set(strategy, state)
  }

  /** The segment that the next decision belongs to. */
  #room(): Segment {
    const last = this.#segments.at(-1)
    if (last !== undefined && last.decisions < this.#maxDecisions / SEGMENTS && this.#decisions < this.#maxDecisions)
      return last
    if (this.#decisions >= this.#maxDecisions) this.#decisions -= this.#segments.shift()?.decisions ?? 0
    const fresh: Segment = { states: new Map(), entries: [], decisions: 0 }
    this.#segments.push(fresh)
    return fresh
  }
}

function placesOf(pool: LanePool): Pick<DecisionEntry, 'candidates' | 'busy' | 'away'> {
  const candidates: Places = []
  const busy: Places = []
  const away: Places = []
  pool.eachMember(({ load, slot, position, busy: isBusy }) => {
    const places = position !== -1 ? candidates : isBusy ? busy : away
    places.push(load.snapshot(), slot)
  })
  return { candidates, busy, away }
}

/** Those whom the strategy compared, and others from all over the pool. */
function sampleOf(
  pool: LanePool,
  { candidates: compared }: RoutingDecision,
): Pick<DecisionEntry, 'candidates' | 'busy' | 'away'> {
  const loads = new Set<InstanceLoad>()
  for (const { instance } of compared) {
    const load = pool.get(instance)
    if (load !== undefined) loads.add(load)
  }
  const step = Math.max(1, Math.floor(pool.size / (MAX_RECORDED_POOL - loads.size)))
  for (let i = 0; i < pool.size && loads.size < MAX_RECORDED_POOL; i += step) loads.add(pool.at(i) as InstanceLoad)
  return { candidates: [...loads].flatMap((load) => [load.snapshot(), pool.slotOf(load.view)]), busy: [], away: [] }
}

function decisionOf(entry: DecisionEntry, tables: RecordingTables): RecordedDecision {
  const { decision, chosen } = entry
  const { strategy, task } = decision.decidedBy
  return {
    kind: 'decision',
    task,
    at: decision.at.getTime(),
    asked: tables.strategy(entry.asked),
    by: tables.strategy(strategy),
    pool: entry.pool,
    circle: entry.circle,
    able: decision.able,
    ...(entry.sampled && { sampled: true }),
    candidates: tables.places(entry.candidates),
    busy: tables.places(entry.busy),
    away: tables.places(entry.away),
    draws: entry.draws,
    ...(chosen !== undefined && { chosen: tables.instance(chosen) }),
  }
}

function resultOf(
  { decision, feedback }: ResultEntry,
  index: number | undefined,
  tables: RecordingTables,
): RecordedResult {
  const { task, instanceId, agentId, outcome, durationMs, now } = feedback
  return {
    kind: 'result',
    task,
    ...(index !== undefined && { decision: index }),
    by: tables.strategy(decision.decidedBy.strategy),
    instance: instanceId,
    agent: agentId,
    outcome,
    durationMs,
    at: now,
  }
}
