import { CONCURRENCY, Ends, importPeer, numbersTo, type Peer } from './peer.js'

interface Handle {
  getResult(): Promise<unknown>
}

type Workflow = (n: number) => Promise<number>

/** The few members of DBOS that are used; its types are there only when it is installed. */
interface Dbos {
  setConfig(config: object): void
  registerWorkflow(work: Workflow, config: object): Workflow
  registerQueue(name: string, options: object): Promise<unknown>
  launch(): Promise<void>
  shutdown(options: object): Promise<void>
  startWorkflow(target: Workflow, params?: object): (n: number) => Promise<Handle>
}

interface Client {
  enqueue(options: object, n: number): Promise<Handle>
  destroy(): Promise<void>
}

const QUEUE = 'bench'
const SILENT = { info: ignore, debug: ignore, warn: ignore, error: ignore }

function ignore(): void {}

/**
 * How to open one, or why it is left out: workflows without steps. Started directly, or through a queue that is looked at
 * every 10 ms. A queued one counts as ended when its function returns, a moment before that is stored.
 */
export async function loadDbos(isQueued: boolean): Promise<Peer | string> {
  const found = await importPeer<{ DBOS: Dbos; DBOSClient: { create(options: object): Promise<Client> } }>(
    '@dbos-inc/dbos-sdk',
  )
  if (typeof found === 'string') return found
  const { DBOS, DBOSClient } = found
  const peer: Peer = {
    name: isQueued ? 'DBOS, queue' : 'DBOS, startWorkflow',
    async open(url, { slots = CONCURRENCY, told } = {}) {
      const ends = new Ends(told)
      DBOS.setConfig({
        name: 'bench',
        systemDatabaseUrl: url,
        systemDatabasePoolSize: 20,
        applicationVersion: '1',
        logger: SILENT,
      })
      const work = async (n: number) => {
        ends.started(n)
        ends.ended(n)
        return n
      }
      const workflow = DBOS.registerWorkflow(work, { name: 'bench' })
      await DBOS.launch()
      if (isQueued) await DBOS.registerQueue(QUEUE, { workerConcurrency: slots, minPollingIntervalMs: 10 })
      const one = async (n: number) => {
        const end = ends.wait(n)
        const handle = await DBOS.startWorkflow(workflow, isQueued ? { queueName: QUEUE } : {})(n)
        await (isQueued ? end : handle.getResult())
      }
      return {
        one,
        all: async (count) => void (await Promise.all(numbersTo(count).map(one))),
        drained: (count) => ends.drained(count),
        close: () => DBOS.shutdown({ deregister: true, workflowCompletionTimeoutMS: 5_000 }),
      }
    },
  }
  if (!isQueued) return peer
  const producer: Peer['producer'] = async (url) => {
    // Its tables are made by a worker.
    await (await peer.open(url)).close()
    const options = { systemDatabaseUrl: url, systemDatabasePoolSize: 20, applicationName: 'bench', logger: SILENT }
    const client = await DBOSClient.create(options)
    const task = { queueName: QUEUE, workflowName: 'bench', appVersion: '1' }
    const add = (n: number) => client.enqueue(task, n)
    return {
      all: async (count) => void (await Promise.all(numbersTo(count).map(add))),
      one: async () => (await add(0)).getResult(),
      close: () => client.destroy(),
    }
  }
  return { ...peer, producer }
}
