import type { BusFaults } from '../faults/faulty-bus.js'
import type { PartitionMode } from '../faults/faulty-storage.js'
import type { StorageFaults } from '../faults/storage-faults.js'
import { Draw } from './draw.js'
import type { Focus } from './workload.js'

/** Something that goes wrong at a moment. `node` counts from 0; `forMs` is how long it lasts. */
export type Fault = { readonly atMs: number; readonly node: number; readonly forMs: number } & (
  | { readonly kind: 'crash' }
  /** A clean shutdown and a new start. */
  | { readonly kind: 'restart'; readonly graceMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'partition'; readonly mode: PartitionMode }
  /** The whole storage is away, for everybody. */
  | { readonly kind: 'outage'; readonly mode: PartitionMode }
  /** Storage calls of one node are slow: its beats come late, others may think it dead. */
  | { readonly kind: 'late-beats'; readonly latencyMs: readonly [number, number] }
  /** The node's timers are late. */
  | { readonly kind: 'slow'; readonly lagMs: number }
  | { readonly kind: 'skew'; readonly skewMs: number }
  /** The engine forgets everything. */
  | { readonly kind: 'lost-window' }
)

/** All that goes wrong in a run. */
export interface FaultSchedule {
  /** Of every call, all the time. */
  readonly storage: StorageFaults
  readonly bus: BusFaults
  readonly lostOffer: number
  /** The chance that a process dies right after a commit of its own, before it hears of it. */
  readonly fragile: number
  /** The same for the commit that declares another owner dead. */
  readonly fragileWitness: number
  readonly faults: readonly Fault[]
}

/** Nothing goes wrong, and the network takes a moment. */
export const NO_FAULTS: FaultSchedule = {
  storage: {},
  bus: {},
  lostOffer: 0,
  fragile: 0,
  fragileWitness: 0,
  faults: [],
}

/** Draws what goes wrong while tasks are submitted and a while after. */
export function makeFaults(seed: number, nodes: number, activeMs: number, focus?: Focus): FaultSchedule {
  const draw = Draw.of(seed, 'faults')
  const level = draw.pick([0.3, 1, 1, 3])
  const untilMs = activeMs + 5_000
  const count = draw.int(0, Math.ceil((2 * level * untilMs) / 10_000) + 1)
  return {
    storage: {
      latencyMs: draw.pick([
        [0, 2],
        [0, 20],
        [5, 200],
      ] as const),
      slow: 0.02 * level,
      unavailable: draw.pick([0, 0.02]) * level,
      outcomeUnknown: draw.pick([0, 0.03, 0.08]) * level,
      duplicated: draw.pick([0, 0.05]) * level,
      lostAnswer: draw.pick([0, 0.01]) * level,
      // From a stream of its own: the seeds that showed something before it was drawn still do.
      busy: Draw.of(seed, 'taken').pick([0, 0, 0.02, 0.1]) * level,
      copyAfterMs: draw.pick([
        [0, 500],
        [0, 5_000],
        [0, 90_000],
      ] as const),
      timeoutMs: draw.pick([1_000, 5_000]),
    },
    bus: { lost: draw.pick([0, 0.2, 1]), duplicated: draw.pick([0, 0.2]), delayMs: [0, draw.pick([5, 500])] },
    lostOffer: draw.pick([0, 0, 0.2]),
    fragile: draw.pick([0, 0.003, 0.01]) * level,
    fragileWitness: draw.pick([0, 0.3]),
    faults:
      focus === 'owners'
        ? Array.from({ length: draw.int(3, 10) }, () => makeSilence(draw, nodes, untilMs))
        : Array.from({ length: count }, () => makeFault(draw, nodes, untilMs)),
  }
}

/** An owner is not heard of for about as long as its lease. */
function makeSilence(draw: Draw, nodes: number, untilMs: number): Fault {
  const common = { atMs: draw.int(200, untilMs), node: draw.int(0, nodes - 1), forMs: draw.int(2_000, 9_000) }
  const kind = draw.pick(['stall', 'partition', 'partition', 'outage'] as const)
  return kind === 'stall' ? { ...common, kind } : { ...common, kind, mode: draw.pick(['fail', 'hang'] as const) }
}

function makeFault(draw: Draw, nodes: number, untilMs: number): Fault {
  const atMs = draw.int(200, untilMs)
  const node = draw.int(0, nodes - 1)
  const common = { atMs, node, forMs: draw.duration(100, 9_000) }
  const mode = draw.pick(['fail', 'hang'] as const)
  const kind = draw.pick([
    'crash',
    'crash',
    'restart',
    'stall',
    'stall',
    'partition',
    'late-beats',
    'late-beats',
    'outage',
    'slow',
    'skew',
    'lost-window',
  ] as const)
  switch (kind) {
    case 'restart':
      return { ...common, kind, graceMs: draw.pick([0, 500, 5_000]) }
    case 'partition':
    case 'outage':
      return { ...common, kind, mode }
    case 'late-beats': {
      const fromMs = draw.int(500, 4_000)
      return { ...common, kind, latencyMs: [fromMs / 2, fromMs] }
    }
    case 'slow':
      return { ...common, kind, lagMs: draw.duration(10, 1_500) }
    case 'skew':
      return { ...common, kind, skewMs: draw.int(-3_600_000, 3_600_000) }
    default:
      return { ...common, kind }
  }
}
