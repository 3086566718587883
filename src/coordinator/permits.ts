import type { NodeContext } from './node-context.js'

/** The id of one permit of a type. */
export function permitIdOf(type: string, n: number): string {
  return `${encodeURIComponent(type)}/${n}`
}

/**
 * What this node believes about the permits of types with a `maxConcurrentTasks`: which are taken. The records decide;
 * this only saves asking. A wrong belief costs a refused claim or a wait until the next refresh.
 */
export class Permits {
  readonly #taken = new Map<string, Set<number>>()
  readonly #limits = new Map<string, number>()

  constructor(private readonly node: NodeContext) {}

  /** A permit that is thought to be free, now thought to be taken; `undefined` when all are. */
  guess(type: string, limit: number): { readonly id: string; readonly n: number } | undefined {
    this.#limits.set(type, limit)
    const taken = this.#of(type)
    if (taken.size >= limit) return undefined
    // Nodes start at different places, so that they don't all try for the same one.
    const start = Math.floor(this.node.random.next() * limit)
    for (let i = 0; i < limit; i++) {
      const n = (start + i) % limit
      if (taken.has(n)) continue
      taken.add(n)
      return { id: permitIdOf(type, n), n }
    }
    return undefined
  }

  /** A permit was given back, or not taken after all. */
  free(type: string, permitId: string): void {
    this.#taken.get(type)?.delete(Number(permitId.slice(permitId.lastIndexOf('/') + 1)))
  }

  /** Looks at all permits of these types; says which have a free one. */
  async refresh(types: Iterable<string>): Promise<string[]> {
    const free: string[] = []
    for (const type of types) {
      const limit = this.#limits.get(type)
      if (limit === undefined) continue
      const ids = Array.from({ length: limit }, (_, n) => permitIdOf(type, n))
      const records = await this.node.readMany('permit', ids)
      const taken = this.#of(type)
      for (const [n, record] of records.entries()) {
        if (record === undefined) taken.delete(n)
        else taken.add(n)
      }
      if (taken.size < limit) free.push(type)
    }
    return free
  }

  #of(type: string): Set<number> {
    let taken = this.#taken.get(type)
    if (taken === undefined) {
      taken = new Set()
      this.#taken.set(type, taken)
    }
    return taken
  }
}
