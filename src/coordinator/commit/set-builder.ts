import type { Kind, ValueByKind } from '../../storage/records.js'
import type { Write, WriteSet } from '../../storage/storage.js'
import type { Entry, NodeContext } from '../node-context.js'

/** Collects the writes of one set. A record may be written once. */
export class SetBuilder {
  readonly #writes: Write[] = []
  readonly #node: NodeContext

  constructor(node: NodeContext) {
    this.#node = node
  }

  /** Leaves a value where `was` stands (nothing, when undefined); answers the record as it will stand. */
  put<K extends Kind>(
    kind: K,
    id: string,
    was: Entry<K> | undefined,
    value: ValueByKind[K],
    version = this.#node.newVersion(),
  ): Entry<K> {
    this.#writes.push({ kind, id, expect: was?.version ?? null, leave: { version, value } })
    return { id, version, value }
  }

  /** Deletes the record that stands there in this version. */
  remove(kind: Kind, id: string, version: string): void {
    this.#writes.push({ kind, id, expect: version, leave: null })
  }

  /** Writes nothing, but only if the record still stands as read. */
  expect(kind: Kind, id: string, was: { readonly version: string } | undefined): void {
    this.#writes.push({ kind, id, expect: was?.version ?? null })
  }

  build(notAfter: number): WriteSet {
    return { writes: this.#writes, notAfter }
  }
}

/**
 * Writes that ride along with a submit or a settle. `reads` is read afresh for every try, and `apply` called with what
 * was found: it must give the same writes for the same reads. What it throws refuses the whole operation.
 */
export interface Contribution {
  readonly reads: readonly { readonly kind: Kind; readonly id: string }[]
  apply(set: SetBuilder, found: ReadonlyMap<string, Entry<Kind>>): void
}

/** The key under which a contribution finds what it asked to read. */
export function readKey(kind: Kind, id: string): string {
  return `${kind}/${id}`
}

/** What was found under a key, typed by its kind. */
export function foundIn<K extends Kind>(
  found: ReadonlyMap<string, Entry<Kind>>,
  kind: K,
  id: string,
): Entry<K> | undefined {
  return found.get(readKey(kind, id)) as Entry<K> | undefined
}

/** Reads all that the contributions ask for, in one call. */
export async function readFor(
  node: NodeContext,
  contributions: readonly Contribution[],
  waitMs?: number,
): Promise<ReadonlyMap<string, Entry<Kind>>> {
  const found = new Map<string, Entry<Kind>>()
  const keys = contributions.flatMap((contribution) => contribution.reads)
  if (keys.length === 0) return found
  for (const [i, entry] of (await node.readKeys(keys, waitMs)).entries()) {
    const key = keys[i]
    if (entry !== undefined && key !== undefined) found.set(readKey(key.kind, key.id), entry)
  }
  return found
}
