import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { whyNoFaults as whyNoMongodb } from '../support/mongodb-server.js'
import { whyNoFaults as whyNoPostgres } from '../support/postgres-server.js'
import { whyNoRedis } from '../support/redis-server.js'
import { bundleWorker, type WorkerBundle } from './bundle.js'
import { Fleet } from './fleet.js'
import { judge } from './judge.js'
import { type OwnStore, startOwnStore } from './own-store.js'
import type { StoreName } from './stores.js'

const seed = Number(process.env.CHAOS_SEED ?? 4_242)
const TIMEOUT_MS = 120_000

const SERVERS: readonly [StoreName, string | undefined][] = [
  ['postgres', whyNoPostgres],
  ['redis', whyNoRedis],
  ['mongodb', whyNoMongodb],
]

/** A small run of what `npm run chaos -- --storage NAME` does at length. */
describe.each(SERVERS)('%s', (name, why) => {
  describe.skipIf(why !== undefined)(why ?? 'is there', () => {
    let bundle: WorkerBundle
    let own: OwnStore
    beforeAll(async () => {
      bundle = await bundleWorker(name)
      own = await startOwnStore(name)
    }, TIMEOUT_MS)
    afterAll(async () => {
      await own.stop()
      bundle.dispose()
    })

    it(
      'loses nothing to processes that are killed and stopped, one an hour ahead and one an hour behind',
      async () => {
        onTestFailed(() => console.error(`chaos seed: ${seed} (repeat with CHAOS_SEED=${seed})`))
        const skewsMs = [0, 3_600_000, -3_600_000]
        const chaos = new Fleet({ bundle, store: own.store, seed, tasks: 150, nodes: 3, leaseMs: 1_200, skewsMs })
        try {
          await chaos.disturb({ kills: 3, stops: 0.5, longestLifeMs: 1_500, duringStart: 0 })
          expect((await judge(chaos.evidence)).problems).toEqual([])
        } finally {
          chaos.dispose()
        }
      },
      TIMEOUT_MS,
    )
  })
})
