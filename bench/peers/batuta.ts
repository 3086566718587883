import { createOrchestrator, defineAgent, defineTask, type Storage, staticSchema } from 'batuta'
import { mongodbStorage } from 'batuta/storage/mongodb'
import { postgresStorage } from 'batuta/storage/postgres'
import { redisStorage } from 'batuta/storage/redis'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { countingClaims } from '../../test/nodes/counting-claims.js'
import { batches, CONCURRENCY, Ends, numbersTo, type Peer } from './peer.js'

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })
const inputs = (numbers: readonly number[]) => numbers.map((n) => ({ n }))

/** A result is there once it is stored. */
function batutaOn(storageAt: (at: string) => Storage): Peer {
  return {
    name: 'batuta',
    async open(at, { slots = CONCURRENCY, told, claims } = {}) {
      const ends = new Ends(told)
      const run = task.handler(async ({ n }) => {
        ends.started(n)
        return n
      })
      const agent = defineAgent('worker', { handlers: [run], maxConcurrentTasks: slots })
      const storage = claims === undefined ? storageAt(at) : countingClaims(storageAt(at), claims)
      const app = await createOrchestrator({ agents: [agent], storage })
      app.on('task:completed', ({ task: { output } }) => ends.ended(Number(output)))
      return {
        one: async (n) => (await app.submit(task, { n })).result(),
        all: async (count) => {
          const results: Promise<unknown>[] = []
          for (const batch of batches(count)) {
            const handles = await app.submitMany(task, inputs(batch))
            for (const handle of handles) results.push(handle.result())
          }
          await Promise.all(results)
        },
        drained: (count) => ends.drained(count),
        close: async () => void (await app.shutdown()),
      }
    },
    async producer(at) {
      const app = await createOrchestrator({ agents: [], storage: storageAt(at) })
      return {
        all: async (count) => {
          for (const batch of batches(count)) await app.submitMany(task, inputs(batch))
        },
        one: async () => (await app.submit(task, { n: 0 })).result(),
        close: async () => void (await app.shutdown()),
      }
    },
  }
}

/** Submits so many one by one, all at once; resolves with the last result. */
export const oneByOne = (peer: { one(n: number): Promise<unknown> }, count: number): Promise<unknown> =>
  Promise.all(numbersTo(count).map((n) => peer.one(n)))

/** The database of a MongoDB server that everybody uses. */
export const DATABASE = 'bench'

export const onSqlite = batutaOn((path) => sqliteStorage({ path }))
export const onRedis = batutaOn((url) => redisStorage({ url, onWarning: () => undefined }))
export const onMongodb = batutaOn((uri) => mongodbStorage({ uri, database: DATABASE }))
export const onPostgres = batutaOn((connectionString) => postgresStorage({ connectionString }))
