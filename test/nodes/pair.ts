import { setTimeout as pause } from 'node:timers/promises'
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from 'batuta'
import { onTestFinished } from 'vitest'
import { Coordinator } from '../../src/coordinator/coordinator.js'

/** So long that nothing is found by polling, or by a beat. */
export const NEVER: OrchestratorOptions = { observeMs: 50, pollMs: 600_000, leaseMs: 600_000, heartbeatMs: 250_000 }

function isAlone({ coordinator }: Orchestrator): boolean {
  if (!(coordinator instanceof Coordinator)) throw new Error('an orchestrator has a coordinator')
  return coordinator.node.peers.isAlone
}

/** Starts one node that asks and one that works. Both know of the other; shut down after the test. */
export async function startPair(ofAsking: OrchestratorOptions, ofWorking: OrchestratorOptions) {
  const asking = await createOrchestrator(ofAsking)
  const working = await createOrchestrator(ofWorking)
  // Until they know of each other they say nothing: a few looks at the owners, however long these take.
  while (isAlone(asking) || isAlone(working)) await pause(5)
  onTestFinished(async () => {
    await Promise.all([asking.shutdown({ graceMs: 0 }), working.shutdown({ graceMs: 0 })])
  })
  return { asking, working }
}
