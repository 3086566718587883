import { BatutaError } from '../../errors/base-error.js'

/** The error for a state that no snapshot gave. */
export function foreignState(strategy: string): BatutaError {
  const message = `is no snapshot of ${strategy}`
  return new BatutaError('OPTIONS_INVALID', `restore: the state ${message}.`, {
    data: { issues: [{ path: ['state'], message }] },
    fix: 'Restore only what snapshot() of the same strategy gave.',
  })
}

/**
 * The entries of a record in a snapshot.
 * @throws OPTIONS_INVALID when it is no record, or a value in it is not what the strategy wrote.
 */
export function entriesOf<T>(strategy: string, state: unknown, fits: (value: unknown) => value is T): [string, T][] {
  const entries = typeof state === 'object' && state !== null ? Object.entries(state) : undefined
  if (entries?.every((entry): entry is [string, T] => fits(entry[1]))) return entries
  throw foreignState(strategy)
}

/** Whether a value is an array of this many finite numbers (any, when absent). */
export function isNumbers(value: unknown, length?: number): value is number[] {
  return Array.isArray(value) && (length === undefined || value.length === length) && value.every(Number.isFinite)
}
