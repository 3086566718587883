import { isBatutaError } from '../errors/base-error.js'

/**
 * Of the errors of some parts of a commit, the one that leaves most open. "Unknown" comes first: the same sets are then sent
 * again, and whatever else is wrong with one of them says so once more. "Unavailable", which says that nothing was written, last.
 */
export function worstError(errors: readonly unknown[]): unknown {
  const isUnknown = (error: unknown) => isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
  const isOther = (error: unknown) => !isBatutaError(error, 'STORAGE_UNAVAILABLE')
  return errors.find(isUnknown) ?? errors.find(isOther) ?? errors[0]
}
