import { BatutaError } from '../errors/base-error.js'
import type { SessionKey, SessionRecord } from '../storage/records.js'
import { cloneJson, copyJson } from '../task/json-value.js'

type Update = (value: unknown) => unknown

/** What one attempt wants of one key. `base` is the version that it saw. */
type Edit =
  | { readonly type: 'set'; readonly value: unknown; readonly base: number }
  | { readonly type: 'delete'; readonly base: number }
  | { readonly type: 'update'; readonly fns: readonly Update[] }

/** The changes that one attempt makes to its session's context: staged, and applied to the session as it then stands. */
export class SessionEdits {
  readonly #seen: SessionRecord | undefined
  readonly #maxBytes: number
  readonly #edits = new Map<string, Edit>()

  /** @param seen - the session as the attempt read it; `undefined` for one that nobody has written yet. */
  constructor(seen: SessionRecord | undefined, maxBytes: number) {
    this.#seen = seen
    this.#maxBytes = maxBytes
  }

  get isEmpty(): boolean {
    return this.#edits.size === 0
  }

  /** The value of a key as this attempt sees it: a copy, for changing it must not change what is stored. */
  get(key: string): unknown {
    const edit = this.#edits.get(key)
    if (edit?.type === 'set') return cloneJson(edit.value)
    const value = cloneJson(keyOf(this.#seen, key)?.value)
    if (edit === undefined) return value
    return edit.type === 'delete' ? undefined : edit.fns.reduce((now, fn) => fn(now), value)
  }

  /** @throws PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE. */
  set(key: string, value: unknown): void {
    const copy = this.#copy(key, value)
    this.#edits.set(
      key,
      copy === undefined
        ? { type: 'delete', base: this.#base(key) }
        : { type: 'set', value: copy, base: this.#base(key) },
    )
  }

  delete(key: string): void {
    this.#edits.set(key, { type: 'delete', base: this.#base(key) })
  }

  update(key: string, fn: Update): void {
    const edit = this.#edits.get(key)
    // On a value that this attempt has set itself there is nothing newer to run it on.
    if (edit?.type === 'set' || edit?.type === 'delete') this.set(key, fn(this.get(key)))
    else {
      // Run once now, so that a function that throws does so in the handler, and is not staged.
      this.#copy(key, fn(this.get(key)))
      this.#edits.set(key, { type: 'update', fns: [...(edit?.fns ?? []), fn] })
    }
  }

  /**
   * The context with the edits in.
   * @throws CONTEXT_CONFLICT when a key that was set has moved since this attempt saw it.
   */
  applyTo(session: SessionRecord, sessionId: string): Pick<SessionRecord, 'context' | 'deleted'> {
    const context: Record<string, SessionKey> = { ...session.context }
    const deleted: Record<string, number> = { ...session.deleted }
    for (const [key, edit] of this.#edits) {
      const version = versionOf(session, key)
      if (edit.type !== 'update' && version !== edit.base) throw conflict(sessionId, key)
      const value =
        edit.type === 'set' ? edit.value : edit.type === 'delete' ? undefined : this.#updated(key, edit.fns, session)
      delete deleted[key]
      if (value === undefined) {
        delete context[key]
        deleted[key] = version + 1
      } else context[key] = { ...keyOf(session, key), value, version: version + 1 }
    }
    return Object.keys(deleted).length === 0 ? { context } : { context, deleted }
  }

  #updated(key: string, fns: readonly Update[], session: SessionRecord): unknown {
    const now = cloneJson(keyOf(session, key)?.value)
    return this.#copy(
      key,
      fns.reduce((value, fn) => fn(value), now),
    )
  }

  #base(key: string): number {
    const edit = this.#edits.get(key)
    return edit === undefined || edit.type === 'update' ? versionOf(this.#seen, key) : edit.base
  }

  #copy(key: string, value: unknown): unknown {
    return copyJson(value, { maxBytes: this.#maxBytes, what: `session key "${key}"` }).value
  }
}

function keyOf(session: SessionRecord | undefined, key: string): SessionKey | undefined {
  return session !== undefined && Object.hasOwn(session.context, key) ? session.context[key] : undefined
}

/** How often a key has changed; 0 for one that never was. */
function versionOf(session: SessionRecord | undefined, key: string): number {
  const deleted = session?.deleted
  return keyOf(session, key)?.version ?? (deleted !== undefined && Object.hasOwn(deleted, key) ? deleted[key] : 0) ?? 0
}

function conflict(sessionId: string, key: string): BatutaError<'CONTEXT_CONFLICT'> {
  return new BatutaError(
    'CONTEXT_CONFLICT',
    `Key "${key}" of session ${sessionId} was changed by another task meanwhile.`,
    {
      data: { sessionId, key },
      fix: 'It is tried again by itself; use `update` for changes that can be made on any value.',
    },
  )
}
