export type {
  SimulatedAgent,
  SimulatedFailure,
  SimulatedTaskType,
  SimulatedWorkload,
  SimulateLoadOptions,
} from './load-options.js'
export type { AgentLoad, LoadReport, Quantiles } from './load-report.js'
export type { ServiceTime } from './service-time.js'
export { simulateLoad } from './simulate-load.js'
