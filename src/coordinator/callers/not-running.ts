import { BatutaError } from '../../errors/base-error.js'
import type { RunState } from '../views/status-types.js'

const BEGUN = 'It was started before. Await `start()`, and call it once.'
const ENDED = 'It was shut down and takes no more calls. Make a new one.'

const SAYS: Readonly<Record<RunState, string>> = {
  new: 'It has not been started. Call `start()`, or use createOrchestrator.',
  starting: BEGUN,
  running: BEGUN,
  stopping: ENDED,
  stopped: ENDED,
}

/** What a call is refused with that comes before the start, beside it, or after the end. */
export function notRunning(state: RunState): BatutaError<'NOT_RUNNING'> {
  return new BatutaError('NOT_RUNNING', SAYS[state], { data: { state: state === 'running' ? 'starting' : state } })
}
