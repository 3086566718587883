import { formatEvent, type LoggedEvent } from './event-log.js'
import { World } from './world.js'

/** What a run was set up with, as far as invariants depend on it. All times are in milliseconds. */
export interface RunFacts {
  /** Slots of an instance of each agent. */
  readonly slots: ReadonlyMap<string, number>
  /** `maxConcurrentTasks` of the task types that have one. */
  readonly limits: ReadonlyMap<string, number>
  /** Rates of the task types that have one. */
  readonly rates: ReadonlyMap<string, { readonly max: number; readonly perMs: number }>
  /** The numbers of tasks that are submitted with the policy `interrupt`. */
  readonly interrupting: ReadonlySet<number>
  /** Storage time at the start of the run, in milliseconds since the Unix epoch. */
  readonly startMs: number
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly pollMs: number
  /** How many processes there were at once, at most. */
  readonly nodes: number
  /** Whether nothing was made to go wrong. */
  readonly faultless: boolean
  /** Whether the run went on until nothing was left to do; else liveness can't be judged. */
  readonly ended: boolean
}

/** An invariant that did not hold. */
export interface Violation {
  /** The invariant's number in the architecture page and a word. */
  readonly invariant: string
  /** What was wrong, with names. */
  readonly text: string
  /** The event at which it was noticed. */
  readonly order: number
  /** The events about the same task or turn up to there, a line each. */
  readonly excerpt: string
}

/** Looks at a run event by event. `world` already has the event. */
export interface Checker {
  readonly name: string
  onEvent?(event: LoggedEvent, world: World): void
  onEnd?(world: World): void
}

/** Says that something was wrong. `about` are ids whose events belong in the excerpt. */
export type Report = (text: string, ...about: string[]) => void

/** Makes a checker for one run. */
export type CheckerFactory = (report: Report, facts: RunFacts) => Checker

const EXCERPT_LINES = 40

/** Replays a run before checkers and collects what they object to. */
export function check(
  events: readonly LoggedEvent[],
  facts: RunFacts,
  factories: readonly CheckerFactory[],
): Violation[] {
  const violations: Violation[] = []
  const world = new World()
  let order = 0
  const checkers: Checker[] = factories.map((make) => {
    const report: Report = (text, ...about) => {
      violations.push({ invariant: checker.name, text, order, excerpt: excerptOf(events, order, about) })
    }
    const checker = make(report, facts)
    return checker
  })
  for (const event of events) {
    order = event.order
    world.apply(event)
    for (const checker of checkers) checker.onEvent?.(event, world)
  }
  for (const checker of checkers) checker.onEnd?.(world)
  return violations
}

/** The last lines up to an event that mention any of these ids. */
function excerptOf(events: readonly LoggedEvent[], order: number, about: readonly string[]): string {
  const lines: string[] = []
  for (let i = Math.min(order, events.length - 1); i >= 0 && lines.length < EXCERPT_LINES; i--) {
    const event = events[i]
    if (event === undefined) continue
    const line = formatEvent(event)
    if (about.length === 0 ? i > order - 10 : about.some((id) => line.includes(id))) lines.push(line)
  }
  return lines.reverse().join('')
}
