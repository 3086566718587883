/**
 * Draws docs/assets/routing-*.svg from `simulateLoad`: how each strategy does with equal agents and heavy tails, unequal
 * agents, a failing agent, and agents that come and go. `npm run docs:routing-plots`; some minutes. The same numbers for the
 * same code.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { consistentHash, type StrategyName, sticky } from 'batuta'
import { type LoadReport, type SimulateLoadOptions, simulateLoad } from 'batuta/testing'
import { columns } from '../src/internal/columns.js'
import { root } from './entry-points.js'
import { type BarChart, barChart } from './svg-bars.js'

const SEEDS = [1, 2, 3]
const CUSTOMERS = 500

/** What tasks are held together by. Not their session: tasks of a session wait for each other, whatever the strategy. */
const customerOf = ({ metadata }: { readonly metadata?: Readonly<Record<string, unknown>> | undefined }) =>
  String(metadata?.customer)

const NAMED: readonly StrategyName[] = [
  'round_robin',
  'weighted_round_robin',
  'random',
  'least_busy',
  'power_of_two',
  'peak_ewma',
  'balanced',
]

/** Those left out (`capability_match`, `priority`, `cost_aware`) choose like `least_busy` where their own rule says nothing. */
const STRATEGIES: Readonly<Record<string, SimulateLoadOptions['strategy']>> = {
  ...Object.fromEntries(NAMED.map((name) => [name, name])),
  sticky: () => sticky({ key: customerOf }),
  consistent_hash: () => consistentHash({ key: customerOf }),
}

interface Scenario {
  readonly file: string
  readonly title: string
  readonly subtitle: string
  readonly options: SimulateLoadOptions
  /** The agent whose share of the attempts is a panel of its own. */
  readonly suspect?: number
  /** Its share without breakers and ejection, too; then p50 is left out. */
  readonly alsoUnguarded?: true
}

const team = (agents: number) => Array.from({ length: agents }, () => ({ maxConcurrentTasks: 4 }))

const SCENARIOS: readonly Scenario[] = [
  {
    file: 'heavy-tails',
    title: 'Equal agents, heavy tails',
    subtitle: '10 agents, 4 slots each, 80 % load; durations Pareto, mean 1 s, shape 1.8. Submit to result.',
    options: { agents: team(10), workload: { load: 0.8, service: { kind: 'pareto', meanMs: 1_000, shape: 1.8 } } },
  },
  {
    file: 'unequal',
    title: 'Unequal agents',
    subtitle: '1, 2, 4, 8, 16 slots; the one with 8 takes four times as long; 60 % load; exponential, mean 1 s.',
    options: {
      agents: [1, 2, 4, 8, 16].map((slots) => ({ maxConcurrentTasks: slots, speed: slots === 8 ? 0.25 : 1 })),
      workload: { load: 0.6 },
    },
    suspect: 3,
  },
  {
    file: 'failing',
    title: 'One of ten agents fails every task in 5 ms',
    subtitle: '4 slots each, 60 % load of all ten; exponential, mean 1 s; up to 5 retries. Submit to result.',
    options: {
      agents: team(10).map((agent, i) => (i === 3 ? { ...agent, fails: {} } : agent)),
      workload: { load: 0.6, types: [{ definition: { retry: { maxRetries: 5, minDelayMs: 100 } } }] },
    },
    suspect: 3,
    alsoUnguarded: true,
  },
  {
    file: 'churn',
    title: 'Agents that come and go',
    subtitle: '10 agents, 4 slots each, 60 % load; every 5 s one of them leaves for 20 s, and its tasks begin again.',
    options: { agents: team(10), workload: { load: 0.6 }, churn: { everyMs: 5_000, awayMs: 20_000 } },
  },
]

const only = process.argv[2] ?? ''
mkdirSync(`${root}/docs/assets`, { recursive: true })
for (const scenario of SCENARIOS.filter(({ file }) => file.includes(only))) {
  const chart = await chartOf(scenario)
  writeFileSync(`${root}/docs/assets/routing-${scenario.file}.svg`, barChart(chart))
  const head = ['', ...chart.panels.map(({ title }) => title)]
  const rows = chart.rows.map(({ name, values }) => [
    name,
    ...values.map((value, i) => chart.panels[i]?.text(value) ?? ''),
  ])
  console.log(`\n${scenario.title}\n${columns([head, ...rows], 1).join('\n')}`)
}

async function chartOf({ title, subtitle, options, suspect, alsoUnguarded }: Scenario): Promise<BarChart> {
  const share = (reports: readonly LoadReport[]) => mean(reports, ({ agents }) => agents[suspect ?? 0]?.share ?? 0)
  const rows: { name: string; values: number[] }[] = []
  for (const [name, strategy] of Object.entries(STRATEGIES)) {
    const reports = await reportsOf({ ...options, strategy })
    const values = [mean(reports, ({ sojournMs }) => sojournMs.p50), mean(reports, ({ sojournMs }) => sojournMs.p99)]
    if (suspect !== undefined) values.push(share(reports))
    if (alsoUnguarded) {
      values.shift()
      values.push(share(await reportsOf({ ...options, strategy, coordinator: { breaker: false, ejection: false } })))
    }
    rows.push({ name, values })
  }
  const panels = [
    ...(alsoUnguarded ? [] : [{ title: 'p50', text: seconds }]),
    { title: 'p99', text: seconds },
    ...(suspect === undefined ? [] : [{ title: 'attempts that the bad agent got', text: percent }]),
    ...(alsoUnguarded ? [{ title: 'without breaker and ejection', text: percent }] : []),
  ]
  return { title, subtitle, panels, rows }
}

async function reportsOf(options: SimulateLoadOptions): Promise<readonly LoadReport[]> {
  const task = (_: number, random: { next(): number }) => ({
    metadata: { customer: Math.floor(random.next() * CUSTOMERS) },
  })
  const workload = { durationMs: 240_000, warmupMs: 30_000, ...options.workload, task }
  const reports: LoadReport[] = []
  for (const seed of SEEDS) reports.push(await simulateLoad({ ...options, workload, seed }))
  return reports
}

function mean(reports: readonly LoadReport[], of: (report: LoadReport) => number): number {
  return reports.reduce((sum, report) => sum + of(report), 0) / reports.length
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`
}
