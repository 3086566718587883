import { didYouMean } from '../internal/did-you-mean.js'
import type { EventPattern } from './events.js'
import { OptionCheck, shown } from './option-check.js'

/** What can be listened to, as values. The compiler sees to it that none is missing. */
const PATTERNS: ReadonlySet<string> = new Set(
  Object.keys({
    'task:submitted': 1,
    'task:started': 1,
    'task:progress': 1,
    'task:retrying': 1,
    'task:fallback': 1,
    'task:completed': 1,
    'task:failed': 1,
    'task:cancelled': 1,
    'task:released': 1,
    'task:lost': 1,
    'task:late-result': 1,
    'task:stuck': 1,
    'task:unstuck': 1,
    'task:redriven': 1,
    'agent:registered': 1,
    'agent:unregistered': 1,
    'agent:status': 1,
    'agent:draining': 1,
    'agent:drained': 1,
    'agent:breaker': 1,
    'agent:ejected': 1,
    'agent:restored': 1,
    'message:received': 1,
    'message:merged': 1,
    'message:replied': 1,
    'message:failed': 1,
    'storage:unavailable': 1,
    'storage:recovered': 1,
    'owner:lost': 1,
    'owner:renewed': 1,
    'routing:fallback': 1,
    'routing:panic': 1,
    'engine:error': 1,
    'listener:error': 1,
    'task:*': 1,
    'agent:*': 1,
    'message:*': 1,
    'storage:*': 1,
    '*': 1,
  } satisfies Record<EventPattern, 1>),
)

/** A listener of a name that does not exist would never hear anything. @throws OPTIONS_INVALID. */
export function checkListener(pattern: unknown, listener: unknown): void {
  const check = new OptionCheck()
  if (typeof pattern !== 'string' || !PATTERNS.has(pattern)) {
    check.add(
      ['name'],
      `${shown(pattern)} is no event and no family of events.${didYouMean(String(pattern), PATTERNS)}`,
    )
  }
  check.fn(['listener'], listener ?? null)
  check.done('on')
}
