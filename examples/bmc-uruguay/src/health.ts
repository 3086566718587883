import type { Bmc } from './app.js'

/** Each part that was looked at, and whether it works. */
export interface HealthReport {
  /** `unhealthy`: messages can't be answered. `degraded`: they can, but something else doesn't work. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  readonly checks: Readonly<Record<'orchestrator' | 'storage' | 'agents' | 'sheet', 'ok' | 'failing'>>
}

/** Agents in these states take work, or will as soon as they have a slot. */
const WORKING: ReadonlySet<string> = new Set(['idle', 'busy'])

/** Tries what the application depends on: the storage is read, and the sheet looked at. */
export async function healthOf({ orchestrator, sheet }: Bmc): Promise<HealthReport> {
  const [status, sheetWorks] = await Promise.all([
    orchestrator.status().catch(() => undefined),
    sheet.check().then(
      () => true,
      () => false,
    ),
  ])
  const checks = {
    orchestrator: mark(status?.ok),
    storage: mark(status?.storage.available),
    agents: mark(status?.agents.every((agent) => WORKING.has(agent.status))),
    sheet: mark(sheetWorks),
  }
  const answers = checks.orchestrator === 'ok' && checks.storage === 'ok'
  const complete = checks.agents === 'ok' && checks.sheet === 'ok'
  return { status: answers ? (complete ? 'healthy' : 'degraded') : 'unhealthy', checks }
}

function mark(works: boolean | undefined): 'ok' | 'failing' {
  return works === true ? 'ok' : 'failing'
}
