/** The few members of BullMQ that are used; its types are there only when it is installed. */
interface Job {
  waitUntilFinished(events: Ready): Promise<unknown>
}

interface Ready {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
  setMaxListeners(count: number): unknown
}

interface Queue extends Ready {
  add(name: string, data: { n: number }): Promise<Job>
  addBulk(jobs: readonly { name: string; data: { n: number } }[]): Promise<Job[]>
}

interface Bullmq {
  readonly Queue: new (name: string, options: object) => Queue
  readonly QueueEvents: new (name: string, options: object) => Ready
  readonly Worker: new (
    name: string,
    work: (job: { data: { n: number } }) => Promise<unknown>,
    options: object,
  ) => Ready
}

/** A BullMQ queue with one worker in this process. */
export interface BullmqUnderTest {
  one(n: number): Promise<unknown>
  all(count: number): Promise<unknown>
  close(): Promise<void>
}

/** BullMQ, or why it is left out. */
export async function loadBullmq(): Promise<
  ((port: number, concurrency: number) => Promise<BullmqUnderTest>) | string
> {
  const name = 'bullmq'
  try {
    const bullmq = (await import(name)) as Bullmq
    return (port, concurrency) => open(bullmq, port, concurrency)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    return 'not installed (npm install --prefix bench)'
  }
}

async function open(
  { Queue, QueueEvents, Worker }: Bullmq,
  port: number,
  concurrency: number,
): Promise<BullmqUnderTest> {
  const connection = { port, maxRetriesPerRequest: null }
  const name = `bench-${Math.floor(performance.now())}`
  const queue = new Queue(name, { connection })
  const events = new QueueEvents(name, { connection })
  const worker = new Worker(name, async ({ data }) => data.n, { connection, concurrency })
  await Promise.all([queue, events, worker].map((part) => part.waitUntilReady()))
  // One listener for each job that is waited for.
  events.setMaxListeners(0)
  return {
    one: async (n) => (await queue.add('bench', { n })).waitUntilFinished(events),
    all: async (count) => {
      const jobs = await queue.addBulk(Array.from({ length: count }, (_, n) => ({ name: 'bench', data: { n } })))
      await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))
    },
    close: async () => {
      await worker.close()
      await events.close()
      await queue.close()
    },
  }
}
