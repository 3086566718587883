import { BATCH, batches, Ends, importPeer, type Peer } from './peer.js'

interface Job {
  readonly id: string
  readonly data: { readonly n: number }
}

/** The few members of pg-boss that are used; its types are there only when it is installed. */
interface PgBoss {
  start(): Promise<unknown>
  stop(options: object): Promise<void>
  on(event: 'error', listener: () => void): unknown
  createQueue(name: string, options: object): Promise<void>
  send(name: string, data: { n: number }): Promise<unknown>
  insert(name: string, jobs: readonly { data: { n: number } }[]): Promise<unknown>
  fetch(name: string, options: object): Promise<Job[]>
  complete(name: string, ids: string[]): Promise<unknown>
  work(name: string, options: object, handler: (jobs: Job[]) => Promise<void>): Promise<unknown>
}

const QUEUE = 'bench'
/** How many loops fetch at once. */
const LOOPS = 2
const PAUSE_MS = 5

/**
 * How to open one, or why it is left out. For rates it is fetched from and completed in batches, in loops of our own: its
 * `work` polls every half second at best. `isTold` makes it `work` with LISTEN and NOTIFY, for latency.
 */
export async function loadPgBoss(isTold: boolean): Promise<Peer | string> {
  const found = await importPeer<{ PgBoss: new (options: object) => PgBoss }>('pg-boss')
  if (typeof found === 'string') return found
  const start = async (url: string) => {
    const boss = new found.PgBoss({
      connectionString: url,
      max: 20,
      supervise: false,
      schedule: false,
      useListenNotify: isTold,
    })
    boss.on('error', () => undefined)
    await boss.start()
    await boss.createQueue(QUEUE, { notify: isTold })
    return boss
  }
  const insert = async (boss: PgBoss, count: number) => {
    for (const batch of batches(count)) {
      await boss.insert(
        QUEUE,
        batch.map((n) => ({ data: { n } })),
      )
    }
  }
  return {
    name: isTold ? 'pg-boss, LISTEN' : 'pg-boss',
    async open(url, { told } = {}) {
      const boss = await start(url)
      const ends = new Ends(told)
      let isOpen = true
      const loop = async () => {
        while (isOpen) {
          const jobs = await boss.fetch(QUEUE, { batchSize: BATCH })
          if (jobs.length === 0) {
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
            continue
          }
          for (const { data } of jobs) ends.started(data.n)
          await boss.complete(
            QUEUE,
            jobs.map(({ id }) => id),
          )
          for (const { data } of jobs) ends.ended(data.n)
        }
      }
      const loops: Promise<void>[] = []
      const handle = async (jobs: Job[]) => {
        for (const { data } of jobs) {
          ends.started(data.n)
          ends.ended(data.n)
        }
      }
      if (isTold) await boss.work(QUEUE, { batchSize: BATCH, pollingIntervalSeconds: 0.5 }, handle)
      else for (let i = 0; i < LOOPS; i++) loops.push(loop())
      return {
        one: async (n) => {
          const end = ends.wait(n)
          await boss.send(QUEUE, { n })
          await end
        },
        all: async (count) => {
          const all = ends.waitAll(count)
          await insert(boss, count)
          await all
        },
        drained: (count) => ends.drained(count),
        close: async () => {
          isOpen = false
          await Promise.all(loops)
          await boss.stop({ graceful: true })
        },
      }
    },
    async producer(url) {
      const boss = await start(url)
      return { all: (count) => insert(boss, count), close: () => boss.stop({ graceful: true }) }
    },
  }
}
