import { createOrchestrator, defineAgent, defineTask, staticSchema } from 'batuta'
import { postgresStorage } from 'batuta/storage/postgres'
import { batches, CONCURRENCY, Ends, type Peer } from './peer.js'

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

/** A result is there once it is stored. */
export const batuta: Peer = {
  name: 'batuta',
  async open(url) {
    const ends = new Ends()
    const run = task.handler(async ({ n }) => {
      ends.started()
      return n
    })
    const agent = defineAgent('worker', { handlers: [run], maxConcurrentTasks: CONCURRENCY })
    const app = await createOrchestrator({ agents: [agent], storage: postgresStorage({ connectionString: url }) })
    app.on('task:completed', ({ task: { output } }) => ends.ended(Number(output)))
    return {
      one: async (n) => (await app.submit(task, { n })).result(),
      all: async (count) => {
        const results: Promise<unknown>[] = []
        for (const batch of batches(count)) {
          const handles = await app.submitMany(
            task,
            batch.map((n) => ({ n })),
          )
          for (const handle of handles) results.push(handle.result())
        }
        await Promise.all(results)
      },
      drained: (count) => ends.drained(count),
      close: async () => void (await app.shutdown()),
    }
  },
  async producer(url) {
    const app = await createOrchestrator({ agents: [], storage: postgresStorage({ connectionString: url }) })
    return {
      all: async (count) => {
        for (const batch of batches(count)) {
          await app.submitMany(
            task,
            batch.map((n) => ({ n })),
          )
        }
      },
      close: async () => void (await app.shutdown()),
    }
  },
}
