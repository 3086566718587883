import { NumberPool } from '../../internal/number-pool.js'
import type { NodeContext } from '../node-context.js'

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
  /** By type, from the first guess on. */
  readonly #pools = new Map<string, NumberPool>()
  /** Lanes that hold nothing but tasks of one type, while all its permits are taken; with the type. */
  readonly #shut = new Map<string, string>()

  constructor(private readonly node: NodeContext) {}

  /** A permit that is thought to be free, now thought to be taken; `undefined` when all are. */
  guess(type: string, limit: number): { readonly id: string; readonly n: number } | undefined {
    // Nodes draw different ones, so that they don't all try for the same.
    const n = this.#poolOf(type, limit).draw(this.node.random.next())
    return n === undefined ? undefined : { id: permitIdOf(type, n), n }
  }

  /** A permit was given back, or not taken after all. Answers the lanes that are open again. */
  free(type: string, permitId: string): readonly string[] {
    this.#pools.get(type)?.free(Number(permitId.slice(permitId.lastIndexOf('/') + 1)))
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
    const pool = this.#pools.get(type)
    return pool !== undefined && pool.size === pool.limit
  }

  /** The types that lanes are shut for. */
  get awaited(): Iterable<string> {
    return this.#shut.values()
  }

  /** Looks at all permits of these types. Answers the lanes that are open again. */
  async refresh(types: Iterable<string>): Promise<readonly string[]> {
    const lanes: string[] = []
    for (const type of new Set(types)) {
      const pool = this.#pools.get(type)
      if (pool === undefined) continue
      const ids = Array.from({ length: pool.limit }, (_, n) => permitIdOf(type, n))
      const records = await this.node.readMany('permit', ids)
      for (const [n, record] of records.entries()) {
        if (record === undefined) pool.free(n)
        else pool.take(n)
      }
      if (pool.size < pool.limit) lanes.push(...this.#reopen(type))
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

  /** A definition that was registered anew may have another limit: what is taken stays so. */
  #poolOf(type: string, limit: number): NumberPool {
    const known = this.#pools.get(type)
    if (known?.limit === limit) return known
    const pool = new NumberPool(limit)
    for (const n of known?.taken() ?? []) pool.take(n)
    this.#pools.set(type, pool)
    return pool
  }
}
