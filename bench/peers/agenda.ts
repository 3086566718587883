import { MongoClient } from 'mongodb'
import { DATABASE } from './batuta.js'
import { CONCURRENCY, Ends, importPeer, numbersTo, type Peer } from './peer.js'

/** The few members of Agenda that are used; its types are there only when it is installed. */
interface Job {
  readonly attrs: { readonly data: { readonly n: number } }
}

interface Agenda {
  readonly ready: Promise<unknown>
  define(name: string, work: (job: Job) => Promise<void>): void
  on(event: string, listener: (job: Job) => void): void
  start(): Promise<void>
  stop(): Promise<void>
  now(name: string, data: { n: number }): Promise<unknown>
}

type Maker<T> = new (options: object) => T

interface Backends {
  readonly MongoBackend: Maker<object>
  readonly MongoChangeStreamNotificationChannel: Maker<object>
}

const JOB = 'bench'

/**
 * How to open one, or why it is left out. It polls every 100 ms, which suits rates; `isTold` has it watch a change stream, for
 * latency. What it finished stays. It adds one job by one command, and tells no result to who added it.
 */
export async function loadAgenda(isTold: boolean): Promise<Peer | string> {
  const core = await importPeer<{ Agenda: Maker<Agenda> }>('agenda')
  const backends = await importPeer<Backends>('@agendajs/mongo-backend')
  if (typeof core === 'string' || typeof backends === 'string') return 'Agenda is left out: npm install --prefix bench'
  const { MongoBackend, MongoChangeStreamNotificationChannel } = backends
  const make = async (uri: string, slots: number) => {
    const client = await MongoClient.connect(uri)
    const db = client.db(DATABASE)
    const agenda = new core.Agenda({
      backend: new MongoBackend({ mongo: db }),
      ...(isTold && { notificationChannel: new MongoChangeStreamNotificationChannel({ db }) }),
      processEvery: 100,
      maxConcurrency: slots,
      defaultConcurrency: slots,
    })
    const close = async () => {
      await agenda.stop()
      await client.close()
    }
    return { agenda, close }
  }
  const add = (agenda: Agenda, count: number) => Promise.all(numbersTo(count).map((n) => agenda.now(JOB, { n })))
  return {
    name: isTold ? 'Agenda, change stream' : 'Agenda',
    async open(uri, { slots = CONCURRENCY, told } = {}) {
      const ends = new Ends(told)
      const { agenda, close } = await make(uri, slots)
      agenda.define(JOB, async ({ attrs }) => ends.started(attrs.data.n))
      agenda.on(`complete:${JOB}`, ({ attrs }) => ends.ended(attrs.data.n))
      await agenda.start()
      return {
        one: async (n) => {
          const end = ends.wait(n)
          await agenda.now(JOB, { n })
          await end
        },
        all: async (count) => {
          const all = ends.waitAll(count)
          await add(agenda, count)
          await all
        },
        drained: (count) => ends.drained(count),
        close,
      }
    },
    async producer(uri) {
      // Never started, so that it runs nothing itself.
      const { agenda, close } = await make(uri, 1)
      await agenda.ready
      return { all: (count) => add(agenda, count), close }
    },
  }
}
