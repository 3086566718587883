/** One of several processes over one SQLite file that share what there is to do: prints how many of its claims were refused. */
import { setTimeout as pause } from 'node:timers/promises'
import { createOrchestrator, defineAgent, defineTask } from '../../src/index.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { type ClaimCount, countingClaims } from './counting-claims.js'

const [, , path = '', part = '0', tasks = '0'] = process.argv
const claims: ClaimCount = { made: 0, refused: 0 }
const work = defineTask<number, number, never, number, number, never>('work', {})
const agents = ['ana', 'beto', 'carla', 'dario', 'elena'].map((id) =>
  defineAgent(id, {
    maxConcurrentTasks: 3,
    handlers: [
      work.handler(async (n) => {
        await pause((n * 7) % 61)
        return n
      }),
    ],
  }),
)
const app = await createOrchestrator({ agents, storage: countingClaims(sqliteStorage({ path }), claims) })
while ((await app.status()).owners.length < 4) await pause(20)
await pause(1_500)
for (let n = 0; n < Number(tasks); ) {
  const burst = Math.min(Number(tasks) - n, 1 + ((n * 7 + Number(part)) % 20))
  await Promise.all(Array.from({ length: burst }, (_, i) => app.submit(work, n + i)))
  n += burst
  await pause(20)
}
while ((await app.listTasks({ status: ['pending', 'running'], limit: 1 })).tasks.length > 0) await pause(100)
process.stdout.write(`${JSON.stringify(claims)}\n`)
await app.shutdown()
