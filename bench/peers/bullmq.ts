import { batches, CONCURRENCY, Ends, importPeer, type Peer } from './peer.js'

/** The few members of BullMQ that are used; its types are there only when it is installed. */
interface Job {
  readonly data: { readonly n: number }
  waitUntilFinished(events: Part): Promise<unknown>
}

interface Part {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
  setMaxListeners(count: number): unknown
  on(event: 'completed', listener: (job: Job) => void): unknown
}

interface Queue extends Part {
  add(name: string, data: { n: number }): Promise<Job>
  addBulk(jobs: readonly { name: string; data: { n: number } }[]): Promise<Job[]>
}

interface Bullmq {
  readonly Queue: new (name: string, options: object) => Queue
  readonly QueueEvents: new (name: string, options: object) => Part
  readonly Worker: new (name: string, work: (job: Job) => Promise<unknown>, options: object) => Part
}

const QUEUE = 'bench'
const connectionTo = (url: string) => ({
  connection: { host: new URL(url).hostname, port: Number(new URL(url).port), maxRetriesPerRequest: null },
})

/** What adds jobs and hears of their results. */
async function openQueue({ Queue, QueueEvents }: Bullmq, url: string) {
  const queue = new Queue(QUEUE, connectionTo(url))
  const events = new QueueEvents(QUEUE, connectionTo(url))
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
  // One listener for each job that is waited for.
  for (const part of [queue, events]) part.setMaxListeners(0)
  return {
    add: async (count: number) => {
      const jobs: Job[] = []
      for (const batch of batches(count)) {
        jobs.push(...(await queue.addBulk(batch.map((n) => ({ name: QUEUE, data: { n } })))))
      }
      return jobs
    },
    one: async (n: number) => (await queue.add(QUEUE, { n })).waitUntilFinished(events),
    resultsOf: (jobs: readonly Job[]) => Promise.all(jobs.map((job) => job.waitUntilFinished(events))),
    close: async () => {
      await events.close()
      await queue.close()
    },
  }
}

/** How to open one, or why it is left out: jobs and their results stay in Redis. */
export async function loadBullmq(): Promise<Peer | string> {
  const bullmq = await importPeer<Bullmq>('bullmq')
  if (typeof bullmq === 'string') return bullmq
  return {
    name: 'BullMQ',
    async open(url, { slots = CONCURRENCY, told } = {}) {
      const ends = new Ends(told)
      const work = async ({ data: { n } }: Job) => {
        ends.started(n)
        return n
      }
      const worker = new bullmq.Worker(QUEUE, work, { ...connectionTo(url), concurrency: slots })
      worker.on('completed', ({ data }) => ends.ended(data.n))
      await worker.waitUntilReady()
      // Where another process adds the jobs, a worker is all that there is.
      let adding: ReturnType<typeof openQueue> | undefined
      const queue = () => {
        adding ??= openQueue(bullmq, url)
        return adding
      }
      return {
        one: async (n) => (await queue()).one(n),
        all: async (count) => {
          const { add, resultsOf } = await queue()
          await resultsOf(await add(count))
        },
        drained: (count) => ends.drained(count),
        close: async () => {
          await worker.close()
          await (await adding)?.close()
        },
      }
    },
    async producer(url) {
      const { add, one, close } = await openQueue(bullmq, url)
      return { all: add, one: () => one(0), close }
    },
  }
}
