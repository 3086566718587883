/**
 * What routing costs by the number of agents. Decisions per second of each strategy, alone and with an assignment and a
 * completion each (see routing/decisions.ts), beside Moleculer's own pick of an endpoint with the strategy that comes nearest.
 * Then a task's whole way (submit, route, run, result) beside that many agents, and what it takes to make them known.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createOrchestrator, defineTask, staticSchema } from 'batuta'
import { build } from 'esbuild'
import { STRATEGY_NAMES, type StrategyName } from '../src/router/strategies/strategy-by-name.js'
import { type BenchRow, collectGarbage, duration, percentile, report } from './measure.js'
import { type Measured, SIZES, SLOTS } from './routing/decisions.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Bundled, as the package is published: what transpiles sources as they are loaded makes them slower. */
async function bundled(): Promise<string> {
  const outfile = at('node_modules/.cache/decisions.mjs')
  mkdirSync(at('node_modules/.cache'), { recursive: true })
  const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' } as const
  await build({ ...options, entryPoints: [at('routing/decisions.ts')], outfile, logLevel: 'error' })
  return outfile
}

function measured(script: string, strategy: StrategyName | 'none'): Measured {
  return JSON.parse(execFileSync(process.execPath, [script, strategy], { encoding: 'utf8' })) as Measured
}

const million = (value: number) => (value >= 1e4 ? `${(value / 1e6).toFixed(2)} M` : `${Math.round(value)}`)
const ratesText = (rates: readonly number[]) => `${rates.map(million).join(', ')} /s`
const AT = SIZES.map((size) => size.toLocaleString('en-US')).join(', ')
const BUDGET_SIZE = SIZES.indexOf(10_000)

function decisionRows(strategy: StrategyName, { picks, steps, peer }: Measured): BenchRow[] {
  const slower = (rates: readonly number[]) =>
    `${((rates[0] ?? Number.NaN) / (rates.at(-1) ?? Number.NaN)).toFixed(1)}x slower at the end`
  return [
    {
      what: `${strategy}: decisions at ${AT} agents`,
      batuta: `${ratesText(picks)}; ${slower(picks)}`,
      against: peer === undefined ? '' : `${peer.name}: ${ratesText(peer.picks)}`,
      ...(peer !== undefined && {
        ratio: (peer.picks[BUDGET_SIZE] ?? Number.NaN) / (picks[BUDGET_SIZE] ?? Number.NaN),
      }),
      budget: '>= 1 M/s at 10,000; < 5x slower',
    },
    {
      what: `${strategy}: the same, each with an assignment and a completion`,
      batuta: `${ratesText(steps)}; ${slower(steps)}`,
      against: '',
      budget: '',
    },
  ]
}

function naiveRow({ steps }: Measured): BenchRow {
  return {
    what: `all agents filtered per task, with an assignment and a completion, at ${AT} agents`,
    ...{ batuta: '', against: ratesText(steps), budget: '' },
  }
}

/** An application with so many agents that serve one task type, what each weighs, and how long it took to make them known. */
async function crowd(agents: number) {
  const work = defineTask('work', {
    input: staticSchema<number>(),
    output: staticSchema<number>(),
    requires: ['price'],
  })
  const handlers = [work.handler((n) => n)]
  const app = await createOrchestrator({ router: 'balanced' })
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  for (let i = 0; i < agents; i++)
    app.agent(`agent-${i}`, { capabilities: ['price', `extra-${i % 200}`], handlers, maxConcurrentTasks: SLOTS })
  // The first task finds them all in their lane.
  await app.run(work, 1)
  const tookMs = performance.now() - started
  collectGarbage()
  return { app, work, tookMs, bytesPerAgent: (process.memoryUsage().heapUsed - before) / agents, agents }
}

/** Median microseconds of one task's whole way beside so many agents. */
async function dispatched({ app, work }: Awaited<ReturnType<typeof crowd>>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 4_000; n++) {
    const started = performance.now()
    await app.run(work, n)
    times.push(performance.now() - started)
  }
  return percentile(times.slice(1_000), 0.5)
}

async function crowdRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const times: number[] = []
  for (const agents of SIZES) {
    const all = await crowd(agents)
    times.push(await dispatched(all))
    if (agents === SIZES.at(-1)) {
      rows.push({
        what: `${agents.toLocaleString('en-US')} agents made known`,
        batuta: `${duration(all.tookMs)}, ${(all.bytesPerAgent / 1024).toFixed(1)} KB each`,
        against: '',
        budget: '',
      })
    }
    await all.app.shutdown({ graceMs: 0 })
  }
  const [first = Number.NaN] = times
  const last = times.at(-1) ?? Number.NaN
  return [
    {
      what: `one task's whole way (balanced) beside ${AT} agents`,
      batuta: times.map(duration).join(', '),
      against: 'beside 10 agents',
      ratio: last / first,
      budget: '',
    },
    ...rows,
  ]
}

const script = await bundled()
report([
  ...STRATEGY_NAMES.flatMap((strategy) => decisionRows(strategy, measured(script, strategy))),
  naiveRow(measured(script, 'none')),
  ...(await crowdRows()),
])
