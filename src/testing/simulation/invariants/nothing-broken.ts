import type { CheckerFactory } from '../checker.js'

/**
 * Invariant 10, and the contract of the storage port: a listener, strategy, schema or logger that throws harms only what
 * it was asked about. The workload has hostile ones; that their neighbours live on is invariants 1 to 8. Here: no
 * rejection went unhandled, nothing was thrown into a timer, no one broke the storage port's rules.
 */
export const nothingBroken: CheckerFactory = (report) => ({
  name: '10 nothing broken',
  onEvent(event) {
    if (event.type === 'broken') report(event.text)
  },
})
