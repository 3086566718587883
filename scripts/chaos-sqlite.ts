/**
 * Kills processes that work on one SQLite file, at random moments, and judges by the file that nothing was lost:
 * `npx tsx scripts/chaos-sqlite.ts --kills 20 --tasks 1000`.
 *
 *   --kills N    SIGKILLs (default 20)               --tasks N     tasks (default 1000)
 *   --nodes N    processes at once (default 1)       --seed N      of the schedule (default: drawn)
 *   --lease MS   of owners (default 600)             --life MS     longest life of a process (default 1500)
 *   --rounds N   runs, each with the next seed (default 1)
 *   --keep       leave the files of a failed run behind
 *
 * Ends with 1 when anything is not as it must be.
 */
import { parseArgs } from 'node:util'
import { bundleWorker } from '../test/chaos/bundle.js'
import { Fleet } from '../test/chaos/fleet.js'
import { judge } from '../test/chaos/judge.js'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    tasks: { type: 'string', default: '1000' },
    nodes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    lease: { type: 'string', default: '600' },
    life: { type: 'string', default: '1500' },
    rounds: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})

async function round(script: string, seed: number): Promise<boolean> {
  const tasks = Number(values.tasks)
  const fleet = new Fleet({ script, seed, tasks, nodes: Number(values.nodes), leaseMs: Number(values.lease) })
  const startedMs = performance.now()
  let isGood = false
  try {
    await fleet.killAtRandom({ kills: Number(values.kills), longestLifeMs: Number(values.life) })
    const { problems, stored, acknowledged, lostAttempts, byState } = await judge(fleet.evidence)
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
    console.log(
      `seed ${seed}: ${fleet.kills} kills, ${acknowledged} tasks acknowledged, ${stored} stored`,
      `${JSON.stringify(byState)}, ${lostAttempts} attempts lost and repeated, ${seconds} s: ${problems.length} problems`,
    )
    for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`)
    isGood = problems.length === 0
  } finally {
    const keep = values.keep && !isGood
    if (keep) console.log(`  files: ${fleet.directory}`)
    fleet.dispose(keep)
  }
  return isGood
}

async function main(): Promise<number> {
  const bundle = await bundleWorker()
  const first = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
  let failed = 0
  try {
    for (let i = 0; i < Number(values.rounds); i++) if (!(await round(bundle.script, first + i))) failed++
  } finally {
    bundle.dispose()
  }
  return failed === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error)
    process.exit(2)
  },
)
