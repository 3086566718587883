import { batches, CONCURRENCY, Ends, importPeer, type Peer } from './peer.js'

/** The few members of graphile-worker that are used; its types are there only when it is installed. */
interface Spec {
  readonly identifier: string
  readonly payload: { readonly n: number }
}

interface Helpers {
  query(text: string, values: readonly unknown[]): Promise<unknown>
}

interface Runner {
  addJob(identifier: string, payload: { n: number }): Promise<unknown>
  stop(): Promise<void>
}

interface Utils {
  addJobs(specs: readonly Spec[]): Promise<unknown>
  release(): Promise<void>
  withPgClient(work: (client: { query(text: string): Promise<unknown> }) => Promise<unknown>): Promise<unknown>
}

interface GraphileWorker {
  run(options: object): Promise<Runner>
  runMigrations(options: object): Promise<void>
  makeWorkerUtils(options: object): Promise<Utils>
  readonly Logger: new (factory: () => () => void) => object
}

/** How a runner takes its jobs. */
export interface GraphileOptions {
  readonly name: string
  /** Jobs run at once; with a local queue, also how many are fetched at a time. */
  readonly concurrency?: number
  readonly hasLocalQueue: boolean
  /** Each job leaves a row in a table of the user's: graphile-worker deletes what it has finished. */
  readonly keepsResults?: boolean
}

const RESULTS =
  'CREATE TABLE IF NOT EXISTS public.bench_results (id int PRIMARY KEY, output jsonb, ended_at timestamptz)'
const KEEP = 'INSERT INTO public.bench_results VALUES ($1, $2, now()) ON CONFLICT (id) DO NOTHING'

/** How to open one, or why it is left out. A job counts as ended when its function returns, a moment before that is stored. */
export async function loadGraphileWorker(options: GraphileOptions): Promise<Peer | string> {
  const found = await importPeer<GraphileWorker>('graphile-worker')
  return typeof found === 'string' ? found : peerOf(found, options)
}

function peerOf(graphile: GraphileWorker, options: GraphileOptions): Peer {
  const { name, hasLocalQueue, keepsResults = false } = options
  const logger = new graphile.Logger(() => () => undefined)
  const makeUtils = async (connectionString: string) => {
    await graphile.runMigrations({ connectionString, logger })
    const utils = await graphile.makeWorkerUtils({ connectionString, logger })
    await utils.withPgClient((client) => client.query(RESULTS))
    return utils
  }
  const add = async (utils: Utils, count: number) => {
    for (const batch of batches(count)) {
      await utils.addJobs(batch.map((n) => ({ identifier: 'bench', payload: { n } })))
    }
  }
  return {
    name,
    async open(connectionString, { slots = CONCURRENCY, told } = {}) {
      const { concurrency = slots } = options
      const ends = new Ends(told)
      // Where another process adds the jobs, a runner is all that there is.
      let adding: Promise<Utils> | undefined
      const utils = () => {
        adding ??= makeUtils(connectionString)
        return adding
      }
      if (keepsResults) await utils()
      const bench = async ({ n }: { n: number }, { query }: Helpers) => {
        ends.started(n)
        if (keepsResults) await query(KEEP, [n, JSON.stringify(n)])
        ends.ended(n)
      }
      const batching = { localQueue: { size: concurrency }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
      const runner = await graphile.run({
        connectionString,
        logger,
        maxPoolSize: 20,
        noHandleSignals: true,
        taskList: { bench },
        ...(!hasLocalQueue && { concurrency }),
        preset: { worker: { concurrentJobs: concurrency, maxPoolSize: 20, ...(hasLocalQueue && batching) } },
      })
      return {
        one: async (n) => {
          const end = ends.wait(n)
          await runner.addJob('bench', { n })
          await end
        },
        all: async (count) => {
          const all = ends.waitAll(count)
          await add(await utils(), count)
          await all
        },
        drained: (count) => ends.drained(count),
        close: async () => {
          await runner.stop()
          await (await adding)?.release()
        },
      }
    },
    async producer(connectionString) {
      const utils = await makeUtils(connectionString)
      return { all: (count) => add(utils, count), close: () => utils.release() }
    },
  }
}
