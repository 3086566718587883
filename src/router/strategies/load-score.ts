import type { Random } from '../../internal/random.js'
import type { Candidate, CandidatePool, ScoreTerms } from '../routing-strategy.js'

/**
 * How full an instance would be on average while it takes one more task: `(inFlight + 1/2) / (capacity * weight)`.
 *
 * Dealing each task to the lowest is the method of Webster and Sainte-Lague for sharing seats by votes, the divisor
 * method without bias: large and small agents get work in proportion to their slots. Without the half, every idle agent
 * has the load 0 and nothing multiplied with it can tell a broken one; with a whole one (d'Hondt) small agents get
 * nothing until the large ones are full.
 */
export function loadOf(candidate: Candidate): number {
  return (candidate.inFlight + 0.5) / (candidate.capacity * candidate.weight)
}

/** The load divided by the success rate: a broken agent that fails fast is always idle and attracts nothing. */
export function loadScore(candidate: Candidate): number {
  return loadOf(candidate) / candidate.successRate
}

/** The parts of {@link loadScore}. */
export function loadTerms(candidate: Candidate): ScoreTerms {
  const load = loadOf(candidate)
  return { load, failures: loadScore(candidate) - load }
}

/** What an instance should get of the work, beside others: its slots, as far as they count. */
export function shareOf(candidate: Candidate): number {
  return candidate.capacity * candidate.weight
}

/** The pool's sums of {@link shareOf}, which several strategies draw by. */
export const SHARE = Symbol('share')

/**
 * Who is compared: everybody in a small pool; of a large one two, drawn with chances in proportion to their share. Drawn
 * evenly, agents with one slot would be offered as much as those with a hundred.
 * @param into - is written anew with them, and nobody else.
 */
export function contenders(pool: CandidatePool, random: Random, scanLimit: number, into: Candidate[]): void {
  const { size } = pool
  let count = 0
  if (size <= scanLimit) {
    for (; count < size; count++) into[count] = pool.at(count) as Candidate
  } else {
    const first = pool.draw(SHARE, shareOf, random)
    const second = pool.draw(SHARE, shareOf, random, first)
    if (first !== undefined) into[count++] = first
    if (second !== undefined) into[count++] = second
  }
  // Two, mostly, and two before: a list that is emptied is allocated anew.
  if (into.length !== count) into.length = count
}

/** The one with the lowest score; ties go to the least recently assigned. */
export function lowestOf(
  among: readonly Candidate[],
  scoreOf: (candidate: Candidate) => number,
): Candidate | undefined {
  let best: Candidate | undefined
  let lowest = Number.POSITIVE_INFINITY
  for (const candidate of among) {
    const score = scoreOf(candidate)
    if (score > lowest) continue
    if (best !== undefined && score === lowest && candidate.lastAssigned >= best.lastAssigned) continue
    best = candidate
    lowest = score
  }
  return best
}
