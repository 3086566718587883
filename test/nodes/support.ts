import type { Orchestrator, OrchestratorOptions, Storage } from 'batuta'
import { BusHub, createOrchestrator, memoryStorage } from 'batuta'
import { FaultyStorage, type StorageFaults, VirtualClock } from 'batuta/testing'
import { onTestFinished } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { passing } from '../support/passing-storage.js'
import { type ClaimCount, countingClaims } from './counting-claims.js'

/** Several nodes over one memory, each behind its own network, on one virtual clock. */
export interface NodesOptions {
  readonly nodes: number
  readonly faults?: StorageFaults | undefined
  /** `false`: no hints between nodes. Default: a hub. */
  readonly bus?: boolean | undefined
  readonly seed?: number | undefined
  readonly options?: ((node: number) => OrchestratorOptions) | undefined
}

/** Starts them. Shut down after the test. */
export async function startNodes({ nodes, faults, bus = true, seed = 1, options }: NodesOptions) {
  const clock = new VirtualClock()
  const until = <T>(promise: Promise<T>, limitMs?: number) => clock.runUntil(promise, { limitMs }) as Promise<T>
  const claims: ClaimCount = { made: 0, refused: 0 }
  const memory = memoryStorage({ now: () => Math.floor(clock.now()) })
  // Each node closes its own; what they share stays open.
  const reads = { records: 0, keys: 0 }
  const counted = countingClaims(memory, claims)
  const shared: Storage = {
    ...passing(counted),
    query: async (index, query) => {
      const answer = await counted.query(index, query)
      if (index === 'ready') reads.records += answer.records.length
      if (index === 'ready') reads.keys += answer.keys?.length ?? 0
      return answer
    },
    read: async (keys) => {
      reads.records += keys.filter(({ kind }) => kind === 'task').length
      return counted.read(keys)
    },
    close: async () => {},
  }
  const hub = new BusHub()
  const networks: FaultyStorage[] = []
  const apps: Orchestrator[] = []
  const start = async (node: number) => {
    const random = seededRandom(seed * 100 + node)
    const network = new FaultyStorage(shared, { clock, random, faults: faults ?? { latencyMs: [0, 2] } })
    networks.push(network)
    const made = createOrchestrator({
      storage: network,
      clock,
      random,
      ...(bus && { bus: hub.connect() }),
      ...options?.(node),
    })
    apps.push(await made)
  }
  for (let node = 0; node < nodes; node++) await until(start(node))
  onTestFinished(async () => {
    for (const network of networks) network.heal()
    await clock.runUntil(Promise.all(apps.map((app) => app.shutdown({ graceMs: 0 }))))
  })
  return { clock, apps, networks, claims, reads, memory, until, start }
}
