/**
 * Kills and stops processes that work on one store, at random moments, and judges by the store, and by what handlers wrote down,
 * that nothing was lost or done twice: `npm run chaos`, or `npm run chaos -- --storage postgres`.
 *
 *   --storage S  sqlite (default), postgres, redis, mongodb      --url U      of an empty store (default: a server of our own)
 *   --nodes N    processes at once (default 4)                   --tasks N    tasks (default 2000)
 *   --kills N    SIGKILLs (default 20)                           --stops P    share of them stopped before, 0 to 1 (default 0.3)
 *   --lease MS   of owners (default: the library's)              --life MS    longest life of a process (default 5000)
 *   --skew MS    one clock ahead, one behind (default an hour)   --seed N     of the schedule (default: drawn)
 *   --rounds N   runs, each with the next seed (default 1)       --keep       leave the files of a failed run behind
 *   --work MS    how long every handler works (default: up to 60 ms, drawn)
 *
 * Ends with 1 when anything is not as it must be, a takeover within 5 s among it.
 */
import { parseArgs } from 'node:util'
import { bundleWorker, type WorkerBundle } from '../test/chaos/bundle.js'
import { readChaosLog } from '../test/chaos/chaos-log.js'
import { Fleet } from '../test/chaos/fleet.js'
import { judge } from '../test/chaos/judge.js'
import { type OwnStore, startOwnStore } from '../test/chaos/own-store.js'
import type { StoreName } from '../test/chaos/stores.js'
import { type Takeover, takeovers } from '../test/chaos/takeovers.js'

const { values } = parseArgs({
  options: {
    storage: { type: 'string', default: 'sqlite' },
    url: { type: 'string' },
    nodes: { type: 'string', default: '4' },
    tasks: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '20' },
    stops: { type: 'string', default: '0.3' },
    lease: { type: 'string' },
    life: { type: 'string', default: '5000' },
    skew: { type: 'string', default: '3600000' },
    seed: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    work: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})

/** The promise for the default lease. */
const MAX_TAKEOVER_MS = 5_000

async function round(bundle: WorkerBundle, storage: StoreName, seed: number): Promise<boolean> {
  const skew = Number(values.skew)
  const { store, stop } = values.url === undefined ? await startOwnStore(storage) : given(storage, values.url)
  const fleet = new Fleet({
    bundle,
    store,
    seed,
    tasks: Number(values.tasks),
    nodes: Number(values.nodes),
    leaseMs: values.lease === undefined ? undefined : Number(values.lease),
    durationMs: values.work === undefined ? undefined : Number(values.work),
    skewsMs: [0, skew, -skew, 0],
  })
  const startedMs = performance.now()
  let isGood = false
  try {
    await fleet.disturb({
      kills: Number(values.kills),
      stops: Number(values.stops),
      longestLifeMs: Number(values.life),
    })
    const { problems, stored, acknowledged, lostAttempts, byState } = await judge(fleet.evidence)
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
    console.log(
      `seed ${seed}: ${fleet.kills} kills, ${fleet.stops} stops, ${acknowledged} tasks acknowledged, ${stored} stored`,
      `${JSON.stringify(byState)}, ${lostAttempts} attempts lost and repeated, ${seconds} s: ${problems.length} problems`,
    )
    const times = takeovers(readChaosLog(fleet.log))
    const watched = times.filter(({ isWatched }) => isWatched)
    reportTakeovers('while another process watched', watched)
    const slow = values.lease === undefined ? watched.filter(({ ms }) => ms > MAX_TAKEOVER_MS).length : 0
    if (slow > 0) console.log(`  ${slow} of them took longer than ${MAX_TAKEOVER_MS} ms`)
    reportTakeovers(
      'while none lived long enough to see, or a stopped one kept the file locked',
      times.filter(({ isWatched }) => !isWatched),
    )
    for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`)
    isGood = problems.length === 0 && slow === 0
  } finally {
    const keep = values.keep && !isGood
    if (keep) console.log(`  files: ${fleet.directory}`)
    fleet.dispose(keep)
    await stop()
  }
  return isGood
}

function given(storage: StoreName, url: string): OwnStore {
  return { store: { storage, url }, stop: async () => undefined }
}

function reportTakeovers(when: string, takeovers: readonly Takeover[]): void {
  const times = takeovers.map(({ ms }) => ms).sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)]
  if (median === undefined) return
  console.log(
    `  from kill to the first start elsewhere, ${when}: ${times[0]} to ${times.at(-1)} ms, median ${median} (${times.length} kills)`,
  )
}

async function main(): Promise<number> {
  const { storage } = values
  const bundle = await bundleWorker(storage)
  const first = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
  let failed = 0
  try {
    for (let i = 0; i < Number(values.rounds); i++)
      if (!(await round(bundle, storage as StoreName, first + i))) failed++
  } finally {
    bundle.dispose()
  }
  return failed === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  },
)
