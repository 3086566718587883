import { contentsOf } from '../../task/lane.js'
import type { TaskStatus } from '../../task/task-status.js'
import type { Coordinator } from '../coordinator.js'
import { STATES } from './listing.js'
import type { LaneStatus, OrchestratorStatus, OwnerStatus } from './status-types.js'

/** Everything at a glance, counted now. @param startedAt - wall-clock milliseconds. */
export async function readStatus(coordinator: Coordinator, startedAt: number | undefined): Promise<OrchestratorStatus> {
  const { node, parts } = coordinator
  const health = coordinator.health()
  const [tasks, lanes, owners] = await Promise.all([
    countTasks(coordinator),
    readLanes(coordinator),
    readOwners(coordinator),
  ])
  return {
    ...health,
    name: node.settings.name,
    ...(startedAt === undefined ? undefined : { startedAt: new Date(startedAt) }),
    uptimeMs: startedAt === undefined ? 0 : node.clock.now() - startedAt,
    agents: coordinator.agents(),
    lanes,
    limited: parts.limits.view(),
    tasks,
    owners,
    storage: { ...health.storage, durable: node.storage.durable },
    engine: { name: coordinator.engineName },
    strategy: parts.router.strategy,
  }
}

async function countTasks({ node }: Coordinator): Promise<Record<TaskStatus, number>> {
  const counts: Record<TaskStatus, number> = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 }
  const statuses = Object.keys(counts) as TaskStatus[]
  await Promise.all(
    statuses.flatMap((status) =>
      STATES[status].map(async (state) => {
        // Counted first, added after: `+= await` would add to what stood there before the wait.
        const { count } = await node.storage.count('listed', { prefix: [state] })
        counts[status] += count
      }),
    ),
  )
  return counts
}

function readLanes({ node, parts }: Coordinator): Promise<LaneStatus[]> {
  return Promise.all(
    [...parts.registry.lanes].map(async (name) => {
      const pool = parts.registry.lane(name)
      const { count } = await node.storage.count('ready', { prefix: [name] })
      return {
        ...contentsOf(name),
        ready: count,
        agents: pool.members,
        healthy: pool.health.healthy,
        ejected: pool.health.ejected,
        inPanic: pool.health.inPanic,
      }
    }),
  )
}

async function readOwners({ node }: Coordinator): Promise<OwnerStatus[]> {
  const owners = await node.query('owner', 'owners', { limit: 1_000 })
  return owners.map(({ id, value }) => ({
    ownerId: id,
    startedAt: new Date(value.startedAt),
    self: id === node.ownerId,
    ...(value.host === undefined ? undefined : { host: value.host }),
    ...(value.pid === undefined ? undefined : { pid: value.pid }),
  }))
}
