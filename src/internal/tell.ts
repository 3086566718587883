/** Calls a listener to whom nothing is owed: what it throws is no news, and the others must still hear. */
export function tell<T>(listener: (message: T) => void, message: T): void {
  try {
    listener(message)
  } catch {
    // Whoever cares about its own errors catches them.
  }
}
