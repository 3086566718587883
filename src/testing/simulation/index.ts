import { coordinatorSystem } from './node.js'
import { type SimulationReport, simulate as simulateSystem } from './simulate.js'

export type { Violation } from './checker.js'
export type { SimulationReport } from './simulate.js'

/** What to simulate. Everything but the seed may be left out; then the seed decides. */
export interface SimulationOptions {
  /** A whole number. The same options give the same run. */
  readonly seed: number
  /** How many nodes, 1 to 4. */
  readonly nodes?: number | undefined
  /** How many tasks are submitted. */
  readonly tasks?: number | undefined
  /** Virtual milliseconds over which they are submitted. */
  readonly activeMs?: number | undefined
  /** `false`: nothing goes wrong. */
  readonly faults?: boolean | undefined
}

/**
 * Runs batuta itself, several nodes over one storage, for minutes of virtual time; makes nodes crash, stall and lose
 * answers; and checks over everything that was committed that no task is lost, doubled, overtaken or stuck.
 *
 * @returns what was found; `String(report)` names the seed and what happened around each violation.
 */
export function simulate(options: SimulationOptions): Promise<SimulationReport> {
  return simulateSystem({ ...options, system: coordinatorSystem })
}
