/**
 * Runs the simulation over many seeds: `npx tsx scripts/simulate.ts --seeds 10000 --from 1`.
 *
 *   --seeds N       how many (default 100)         --from S        the first one (default 1)
 *   --stop          end at the first failure       --log           print the whole event log
 *   --twice K       run every Kth seed twice and compare (default 20, 0: never)
 *   --nodes N  --tasks N  --calm                   instead of what the seed says
 *   --focus F       messages or owners: more of these than usual
 *   --brief         one line per violation
 *   --invariant X   count only violations whose name starts with this
 *
 * Ctrl-C ends it after the seed under way, with what it has found so far.
 *
 * Ends with 1 when an invariant was violated, 2 when the simulation itself failed.
 */
import { parseArgs } from 'node:util'
import { coordinatorSystem } from '../src/testing/simulation/node.js'
import { type SimulateOptions, type SimulationReport, simulate } from '../src/testing/simulation/simulate.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    twice: { type: 'string', default: '20' },
    nodes: { type: 'string' },
    tasks: { type: 'string' },
    focus: { type: 'string' },
    invariant: { type: 'string', default: '' },
    stop: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
    calm: { type: 'boolean', default: false },
  },
})

const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))
const optionsFor = (seed: number): SimulateOptions => ({
  seed,
  system: coordinatorSystem,
  nodes: number(values.nodes),
  tasks: number(values.tasks),
  focus: values.focus as SimulateOptions['focus'],
  faults: values.calm ? false : undefined,
})

async function main(): Promise<number> {
  const from = Number(values.from)
  const until = from + Number(values.seeds)
  const every = Number(values.twice)
  const startedMs = performance.now()
  const failed = new Map<string, number[]>()
  let events = 0
  let isEnough = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isEnough = true))
  let seed = from
  for (; seed < until && !isEnough; seed++) {
    const report = await simulate(optionsFor(seed))
    events += report.events
    if (values.log) console.log(report.log())
    const names = violatedBy(report)
    if (every > 0 && seed % every === 0) {
      const again = await simulate(optionsFor(seed))
      if (again.hash !== report.hash) names.add('9 same seed, same log')
    }
    for (const name of names) failed.set(name, [...(failed.get(name) ?? []), seed])
    if (names.size === 0) continue
    if (values.brief) {
      for (const { invariant, text } of report.violations.slice(0, 4)) console.log(`${seed}: ${invariant}: ${text}`)
    }
    const isNew = [...names].some((name) => failed.get(name)?.length === 1)
    if (isNew && !values.brief) console.log(String(report))
    isEnough ||= values.stop
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  console.log(`${seed - from} seeds from ${from}, ${events} events, ${seconds} s`)
  for (const [name, seeds] of failed)
    console.log(`violated ${name}: ${seeds.length} seeds: ${seeds.slice(0, 12).join(' ')}`)
  return failed.size === 0 ? 0 : 1
}

function violatedBy(report: SimulationReport): Set<string> {
  const names = report.violations.map((violation) => violation.invariant)
  return new Set(names.filter((name) => name.startsWith(values.invariant)))
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error)
    process.exit(2)
  },
)
