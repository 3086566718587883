import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** What Moleculer calls an endpoint list: the agents of one action, and the strategy that picks one of them for each call. */
interface EndpointList {
  endpoints: unknown[]
  next(context: object): { readonly node: { readonly id: string } } | null
}

/** The parts of Moleculer that decide who gets a call. They are no public names, so what is missing is said. */
interface Parts {
  readonly version: string
  readonly makeList: (strategy: MoleculerStrategy, agents: number) => EndpointList
}

/** Moleculer's strategies, by the names it gives them. */
export type MoleculerStrategy = 'RoundRobin' | 'Random' | 'CpuUsage' | 'Latency' | 'Shard'

/** Moleculer's own routing for this version of Node, or why it is left out. */
export function loadMoleculerRouting(): Parts | string {
  const version = Number(process.versions.node.split('.')[0]) < 22 ? '0.14' : '0.15'
  const require = createRequire(import.meta.url)
  let folder: string
  try {
    folder = dirname(require.resolve(`moleculer-${version}`))
  } catch {
    return 'not installed (npm install --prefix bench)'
  }
  const { ServiceBroker, Strategies } = require(folder)
  const List = require(`${folder}/src/registry/endpoint-list`)
  const Endpoint = require(`${folder}/src/registry/endpoint-action`)
  const makeList = (strategy: MoleculerStrategy, agents: number): EndpointList => {
    const broker = new ServiceBroker({ logger: false, registry: { preferLocal: false } })
    const options = strategy === 'Shard' ? { shardKey: 'key' } : {}
    const list = new List(broker.registry, broker, 'work', null, Endpoint, Strategies[strategy], options)
    for (let i = 0; i < agents; i++) {
      const node = { id: `agent-${i}`, hostname: `host-${i}`, available: true, local: false, cpu: 20 + (i % 50) }
      const service = { name: 'work', fullName: 'work', node }
      // Its own way in looks for a duplicate among all others, which at 100,000 takes minutes.
      list.endpoints.push(new Endpoint(broker.registry, broker, node, service, { name: 'work.do' }))
      if (strategy === 'Latency') list.strategy.hostAvgLatency.set(node.hostname, 20 + (i % 50))
    }
    return list
  }
  return { version, makeList }
}
