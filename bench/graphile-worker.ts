/** The few members of graphile-worker that are used; its types are there only when it is installed. */
interface Spec {
  readonly identifier: string
  readonly payload: { readonly n: number }
}

interface Runner {
  addJob(identifier: string, payload: { n: number }): Promise<unknown>
  stop(): Promise<void>
}

interface Utils {
  addJobs(specs: readonly Spec[]): Promise<unknown>
  release(): Promise<void>
}

interface GraphileWorker {
  run(options: object): Promise<Runner>
  runMigrations(options: object): Promise<void>
  makeWorkerUtils(options: object): Promise<Utils>
  readonly Logger: new (factory: () => () => void) => object
}

/** A graphile-worker runner in this process, and callers who wait for the end of their jobs. */
export interface GraphileUnderTest {
  one(n: number): Promise<unknown>
  /** Jobs added many at a time. */
  all(count: number): Promise<unknown>
  close(): Promise<void>
}

/** How a runner takes its jobs. */
export interface GraphileOptions {
  readonly connectionString: string
  readonly concurrency: number
  /** Jobs fetched at a time and finished in batches; absent: each by itself. */
  readonly localQueue?: number
}

/** How to open one, or why it is left out. */
export async function loadGraphileWorker(): Promise<
  ((options: GraphileOptions) => Promise<GraphileUnderTest>) | string
> {
  const name = 'graphile-worker'
  try {
    const graphile = (await import(name)) as GraphileWorker
    return (options) => open(graphile, options)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    return 'not installed (npm install --prefix bench)'
  }
}

const BATCH = 500

async function open(
  { run, runMigrations, makeWorkerUtils, Logger }: GraphileWorker,
  { connectionString, concurrency, localQueue }: GraphileOptions,
): Promise<GraphileUnderTest> {
  const logger = new Logger(() => () => undefined)
  await runMigrations({ connectionString, logger })
  const waiting = new Map<number, (n: number) => void>()
  const bench = async ({ n }: { n: number }) => {
    waiting.get(n)?.(n)
    waiting.delete(n)
  }
  const batches = { localQueue: { size: localQueue }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
  const runner = await run({
    connectionString,
    logger,
    maxPoolSize: 20,
    noHandleSignals: true,
    taskList: { bench },
    ...(localQueue === undefined && { concurrency }),
    preset: { worker: { concurrentJobs: concurrency, maxPoolSize: 20, ...(localQueue !== undefined && batches) } },
  })
  const utils = await makeWorkerUtils({ connectionString, logger })
  const ended = (n: number) => new Promise<number>((resolve) => waiting.set(n, resolve))
  return {
    one: async (n) => {
      const end = ended(n)
      await runner.addJob('bench', { n })
      return await end
    },
    all: async (count) => {
      const ends = Array.from({ length: count }, (_, n) => ended(n))
      for (let from = 0; from < count; from += BATCH) {
        const size = Math.min(BATCH, count - from)
        await utils.addJobs(Array.from({ length: size }, (_, i) => ({ identifier: 'bench', payload: { n: from + i } })))
      }
      await Promise.all(ends)
    },
    close: async () => {
      await runner.stop()
      await utils.release()
    },
  }
}
