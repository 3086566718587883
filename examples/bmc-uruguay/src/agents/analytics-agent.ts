import { type AgentDefinition, defineAgent } from 'batuta'
import { type Report, reportOf } from '../domain/report.js'
import { factsFrom, type TaskHistory } from '../history.js'
import type { QuoteSheet } from '../sheet.js'
import { buildReport } from '../tasks.js'

/** What the agent needs from outside. */
export interface AnalyticsDependencies {
  readonly history: TaskHistory
  readonly sheet: QuoteSheet
  /** A product's code to its name. */
  readonly nameOf: (product: string) => string
}

/** Counts what happened, from what was stored while it happened. */
export function analyticsAgent({ history, sheet, nameOf }: AnalyticsDependencies): AgentDefinition {
  return defineAgent('analytics_agent', {
    name: 'Analytics Agent',
    capabilities: ['data_analysis', 'report_generation', 'performance_metrics', 'anomaly_detection', 'insights'],
    maxConcurrentTasks: 3,
    metadata: { type: 'analytics', handles: ['analytics', 'reports', 'metrics', 'insights'] },
    handlers: [
      buildReport.handler(async ({ from, until }): Promise<Report> => {
        const period = {
          ...(from === undefined ? {} : { from: new Date(from) }),
          ...(until === undefined ? {} : { until: new Date(until) }),
        }
        const [facts, rows] = await Promise.all([factsFrom(history(period), nameOf), sheet.rows()])
        return reportOf({ ...facts, sheetStates: rows.map(({ Estado }) => Estado) })
      }),
    ],
  })
}
