/**
 * Keeps a store busy with everything that an application does, and judges that nothing grows that must not: the heap, the process,
 * connections, the store, its records. `npm run soak`, or `npm run soak -- --storage postgres --minutes 5`.
 *
 *   --storage S  memory (default), sqlite, redis, postgres, mongodb    --minutes N  how long (default 2; 5 where copies may come late)
 *   --url U      of an empty store; without it a server of our own     --rate N     operations a second (default 200)
 *   --sample MS  between two looks (default 2000)                      --quiet      only the table at the end
 *
 * Judged is the second half: the line through it may rise by so much and no more. A store whose outcomes are not always known
 * keeps everything for two minutes, so there the judgement begins after that. When the traffic is over, the purge must leave nothing
 * behind. Nodes that share a store remember up to 10,000 tasks each that they saw waiting: with few operations a second the heap is
 * level only after that many. Ends with 1 when something grows, fails, or is left.
 */
import { parseArgs } from 'node:util'
import type { Finding, Sample } from '../test/soak/flatness.js'
import { soak } from '../test/soak/soak.js'
import { SOAK_STORES } from '../test/soak/stores.js'

/** Two minutes for late copies, and until the purge after them. */
const LATE_MS = 135_000

const { values } = parseArgs({
  options: {
    storage: { type: 'string', default: 'memory' },
    url: { type: 'string' },
    minutes: { type: 'string' },
    rate: { type: 'string', default: '200' },
    sample: { type: 'string', default: '2000' },
    quiet: { type: 'boolean', default: false },
  },
})

const inUnits = (measure: string, value: number) =>
  /heap|rss|bytes/.test(measure) ? `${(value / 1024 / 1024).toFixed(1)} MB` : value.toFixed(1)

function lineOf({ atMs, values }: Sample): string {
  const parts = Object.entries(values).map(([measure, value]) => `${measure} ${inUnits(measure, value)}`)
  return `${(atMs / 1_000).toFixed(0)} s: ${parts.join(', ')}`
}

function rowOf({ measure, first, last, mean, rise, allowed, isFlat }: Finding): string {
  const numbers = [first, last, mean, rise, allowed].map((value) => inUnits(measure, value))
  return `| ${[measure, ...numbers, isFlat ? 'flat' : 'GROWS'].join(' | ')} |`
}

async function main(): Promise<number> {
  const open = SOAK_STORES[values.storage]
  if (open === undefined) throw new Error(`No storage "${values.storage}": ${Object.keys(SOAK_STORES).join(', ')}.`)
  const isKnown = ['memory', 'sqlite'].includes(values.storage)
  const durationMs = Number(values.minutes ?? (isKnown ? 2 : 5)) * 60_000
  const judgedFromMs = Math.max(durationMs / 2, isKnown ? 0 : LATE_MS)
  const store = await open(values.url)
  try {
    const { findings, done, problems, leftBehind } = await soak({
      store,
      durationMs,
      judgedFromMs,
      perSecond: Number(values.rate),
      sampleMs: Number(values.sample),
      keepMs: 5_000,
      emptyWithinMs: isKnown ? 20_000 : LATE_MS + 15_000,
      onSample: values.quiet ? undefined : (sample) => console.log(lineOf(sample)),
    })
    console.log(`${values.storage}: ${[...done].map(([name, count]) => `${count} ${name}`).join(', ')}`)
    console.log(`judged from ${(judgedFromMs / 1_000).toFixed(0)} s on:`)
    console.log('| measure | first | last | mean | rise | allowed | |\n|---|---|---|---|---|---|---|')
    for (const finding of findings) console.log(rowOf(finding))
    const left = Object.entries(leftBehind)
    console.log(left.length === 0 ? 'nothing was left behind' : `LEFT BEHIND: ${JSON.stringify(leftBehind)}`)
    for (const problem of problems.slice(0, 10)) console.error(problem)
    return problems.length === 0 && left.length === 0 && findings.every(({ isFlat }) => isFlat) ? 0 : 1
  } finally {
    await store.close()
  }
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error)
    process.exit(2)
  },
)
