import { setTimeout as pause } from 'node:timers/promises'
import {
  type BatutaEvent,
  createOrchestrator,
  defineAgent,
  defineTask,
  type Orchestrator,
  type OrchestratorOptions,
} from 'batuta'
import { onTestFinished } from 'vitest'
import { TcpProxy } from '../support/tcp-proxy.js'
import { type NodesServer, newSpace } from './servers.js'

export const work = defineTask<string, string, never, string, string, never>('work', {})
/** Staged by every attempt of `work`: stored once for each that was accepted. */
export const proof = defineTask<string, string, never, string, string, never>('proof', {})

const TIMES: OrchestratorOptions = { leaseMs: 2_000, heartbeatMs: 300, observeMs: 100, pollMs: 200 }

/** Waits for what comes sooner or later; the test's own limit ends it. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20)
}

/** One node behind a network of its own. */
export interface ProxiedNode {
  readonly app: Orchestrator
  readonly proxy: TcpProxy
  readonly events: BatutaEvent[]
  cut(): void
}

/** What a handler does beyond answering. */
export type Work = (input: string, node: number, signal: AbortSignal) => Promise<void>

/** Nodes over one space of a server, with an agent each; `log` has every start of a handler. */
export async function startProxied(server: NodesServer, nodes: number, options: OrchestratorOptions = {}, act?: Work) {
  const space = newSpace()
  const log: { input: string; node: number }[] = []
  const startOne = async (node: number): Promise<ProxiedNode> => {
    const proxy = await TcpProxy.start(server.port)
    const handlers = [
      work.handler(async (input, ctx) => {
        log.push({ input, node })
        await act?.(input, node, ctx.signal)
        ctx.submit(proof, input, { delayMs: 600_000 })
        return `${input} by ${node}`
      }),
    ]
    const app = await createOrchestrator({
      storage: server.storage(proxy.port, space),
      tasks: [work, proof],
      agents: [defineAgent(`agent-${node}`, { handlers, maxConcurrentTasks: 20 })],
      ...TIMES,
      ...options,
    })
    const events: BatutaEvent[] = []
    app.on('*', (event) => events.push(event))
    onTestFinished(async () => {
      proxy.passAll()
      await app.shutdown({ graceMs: 0 })
      await proxy.stop()
    })
    const cut = () => {
      proxy.isOpen = false
      proxy.cutAll()
    }
    return { app, proxy, events, cut }
  }
  const started: ProxiedNode[] = []
  for (let node = 0; node < nodes; node++) started.push(await startOne(node))
  return { nodes: started, first: started[0] as ProxiedNode, second: started[1] as ProxiedNode, log }
}

/** Waits until the last acknowledged beat of a node is older than this, and no later than need be. */
export async function untilBeatIs({ app }: ProxiedNode, ageMs: number): Promise<void> {
  const isOlder = () => (app.health().beatAgeMs ?? 0) > ageMs
  await eventually(() => !isOlder())
  await eventually(isOlder)
}

/** The inputs of the tasks of a type that are stored. */
export async function stored(app: Orchestrator, type: string): Promise<unknown[]> {
  const { tasks } = await app.listTasks({ type, limit: 500 })
  return tasks.map(({ input }) => input).sort()
}

export const isAway = ({ app }: ProxiedNode) => !app.health().storage.available
export const isWell = ({ app }: ProxiedNode) => app.health().ok
export const named = ({ events }: ProxiedNode, type: string) => events.filter((event) => event.type === type)
