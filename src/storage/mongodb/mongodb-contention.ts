import { realClock } from '../../internal/clock.js'
import type { RecordKey } from '../storage.js'

/** How long a record counts as held after it was last found so; longer than the committer's pause before it asks again. */
const REMEMBERED_MS = 2_000

/** The text that names a record. */
export function nameOf({ kind, id }: RecordKey): string {
  return `${kind}/${id}`
}

/** The records that were lately held by transactions of others, for longer than one that goes on needs. */
export class Contention {
  /** Until when, on our own monotonic clock; the oldest first. */
  readonly #heldUntil = new Map<string, number>()

  /** Whether one of the records was lately held. */
  touches(keys: readonly RecordKey[]): boolean {
    if (this.#heldUntil.size === 0) return false
    const now = realClock.monotonic()
    return keys.some((key) => (this.#heldUntil.get(nameOf(key)) ?? 0) > now)
  }

  /** One of these records is held: which of them, the server doesn't say. */
  note(keys: readonly RecordKey[]): void {
    const now = realClock.monotonic()
    for (const key of keys) {
      const name = nameOf(key)
      this.#heldUntil.delete(name)
      this.#heldUntil.set(name, now + REMEMBERED_MS)
    }
    for (const [name, until] of this.#heldUntil) {
      if (until > now) return
      this.#heldUntil.delete(name)
    }
  }
}
