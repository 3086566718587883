import type { NodeContext } from './node-context.js'

const NONE: readonly string[] = []

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
  /** Lanes that hold nothing but tasks of one type, while all its permits are taken; with the type. */
  readonly #shut = new Map<string, string>()

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

  /** A permit was given back, or not taken after all. Answers the lanes that are open again. */
  free(type: string, permitId: string): readonly string[] {
    this.#taken.get(type)?.delete(Number(permitId.slice(permitId.lastIndexOf('/') + 1)))
    return this.#reopen(type)
  }

  /** Nothing is taken out of this lane until a permit of its type is free: what waits there is in nobody's way. */
  shut(lane: string, type: string): void {
    this.#shut.set(lane, type)
  }

  get hasShut(): boolean {
    return this.#shut.size > 0
  }

  isShut(lane: string): boolean {
    return this.#shut.has(lane)
  }

  /** Whether all permits of a type are thought to be taken. */
  isSpent(type: string): boolean {
    const limit = this.#limits.get(type)
    return limit !== undefined && this.#of(type).size >= limit
  }

  /** The types that lanes are shut for. */
  get awaited(): Iterable<string> {
    return this.#shut.values()
  }

  /** Looks at all permits of these types. Answers the lanes that are open again. */
  async refresh(types: Iterable<string>): Promise<readonly string[]> {
    const lanes: string[] = []
    for (const type of new Set(types)) {
      const limit = this.#limits.get(type)
      if (limit === undefined) continue
      const ids = Array.from({ length: limit }, (_, n) => permitIdOf(type, n))
      const records = await this.node.readMany('permit', ids)
      const taken = this.#of(type)
      for (const [n, record] of records.entries()) {
        if (record === undefined) taken.delete(n)
        else taken.add(n)
      }
      if (taken.size < limit) lanes.push(...this.#reopen(type))
    }
    return lanes
  }

  #reopen(type: string): readonly string[] {
    if (this.#shut.size === 0) return NONE
    const lanes: string[] = []
    for (const [lane, of] of this.#shut) if (of === type) lanes.push(lane)
    for (const lane of lanes) this.#shut.delete(lane)
    return lanes
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
