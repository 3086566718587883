import { BatutaError } from '../../errors/base-error.js'

/**
 * The entries of a record in a snapshot.
 * @throws OPTIONS_INVALID when it is no record, or a value in it is not what the strategy wrote.
 */
export function entriesOf<T>(strategy: string, state: unknown, fits: (value: unknown) => value is T): [string, T][] {
  const entries = typeof state === 'object' && state !== null ? Object.entries(state) : undefined
  if (entries?.every((entry): entry is [string, T] => fits(entry[1]))) return entries
  const message = `is no snapshot of ${strategy}`
  throw new BatutaError('OPTIONS_INVALID', `restore: the state ${message}.`, {
    data: { issues: [{ path: ['state'], message }] },
    fix: 'Restore only what snapshot() of the same strategy gave.',
  })
}
