import { createOrchestrator, defineAgent, defineTask, type Orchestrator } from 'batuta'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mostIn } from '../coordinator/limits/windows.js'
import { type NodesServer, newSpace, SERVERS } from './servers.js'

const NODES = 2
const RATE = { limit: 10, perMs: 500 }
/** Six windows of them, at least. */
const TASKS = 60

const call = defineTask<number, number, never, number, number, never>('call', { rateLimit: { ...RATE, scope: 'all' } })

/** Nodes over one space of a server; what their handlers write down when they begin, by one clock. */
async function startNodes(server: NodesServer) {
  const space = newSpace()
  const starts: { readonly at: number; readonly node: number }[] = []
  const apps: Orchestrator[] = []
  for (let node = 0; node < NODES; node++) {
    const begin = call.handler((n) => {
      starts.push({ at: performance.now(), node })
      return n
    })
    const agents = [defineAgent('ana', { maxConcurrentTasks: 20, handlers: [begin] })]
    const app = await createOrchestrator({ storage: server.storage(server.port, space), agents })
    onTestFinished(async () => void (await app.shutdown({ graceMs: 0 })))
    apps.push(app)
  }
  return { apps, starts }
}

for (const { name, why, start } of SERVERS)
  describe.skipIf(why !== undefined)(
    why === undefined ? `a rate over two nodes on ${name}` : `${name} (${why})`,
    () => {
      let server: NodesServer
      beforeAll(async () => {
        server = await start()
      }, 60_000)
      afterAll(() => server.stop())

      it('is never exceeded in any window, by what their handlers say', async () => {
        const { apps, starts } = await startNodes(server)
        const handles = await Promise.all(Array.from({ length: TASKS }, (_, n) => apps[n % NODES]?.submit(call, n)))
        await Promise.all(handles.map((handle) => handle?.result()))
        expect(mostIn(RATE.perMs, starts)).toBeLessThanOrEqual(RATE.limit)
        expect(starts).toHaveLength(TASKS)
        for (let node = 0; node < NODES; node++)
          expect(starts.filter((each) => each.node === node).length).toBeGreaterThan(RATE.limit)
      }, 60_000)
    },
  )
