import type { Bmc } from '../app.js'
import { healthOf } from '../health.js'
import { heading, indented, paint } from './terminal.js'

/** Who is there and whether everything works. @throws when something doesn't. */
export async function showStart(bmc: Bmc): Promise<void> {
  heading('Registered agents')
  for (const { id, name, maxConcurrentTasks, capabilities } of bmc.orchestrator.agents()) {
    indented(`✅ ${id.padEnd(19)} ${name.padEnd(19)} ${String(maxConcurrentTasks).padStart(2)} at once`)
    indented(paint('dim', `   ${capabilities.join(', ')}`))
  }
  heading('Health check')
  const { status, checks } = await healthOf(bmc)
  const { agents, storage, engine } = await bmc.orchestrator.status()
  const online = agents.filter((agent) => agent.status === 'idle' || agent.status === 'busy').length
  for (const [part, result] of Object.entries(checks)) indented(`${result === 'ok' ? '✅' : '❌'} ${part}`)
  indented(`${online} of ${agents.length} agents online · ${describe(storage)} · engine ${engine.name}`)
  if (status !== 'healthy') throw new Error(`the health check says ${status}`)
}

/** How things stand. */
export async function showStatus({ orchestrator }: Bmc): Promise<void> {
  const { tasks, agents, owners, storage, strategy, uptimeMs } = await orchestrator.status()
  heading('Status')
  const counts = Object.entries(tasks).map(([status, count]) => `${count} ${status}`)
  indented(`tasks     ${counts.join(', ')}`)
  for (const { id, status, completed, failed } of agents)
    indented(
      `${status === 'idle' || status === 'busy' ? '✅' : '❌'} ${id.padEnd(19)} ${status}, ${completed} done, ${failed} failed`,
    )
  indented(`nodes     ${owners.length}`)
  indented(`storage   ${describe(storage)}`)
  indented(`routing   ${strategy}`)
  indented(`uptime    ${(uptimeMs / 1_000).toFixed(1)} s`)
}

function describe({ name, durable }: { name: string; durable: boolean }): string {
  return `${name}${durable ? ' (durable)' : ''}`
}
