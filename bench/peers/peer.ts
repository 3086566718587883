/** What the benchmarks ask of a queue, batuta's own included. */
import type { ClaimCount } from '../../test/nodes/counting-claims.js'

/** Hears of tasks in the process that runs them. */
export interface Told {
  started(n: number): void
  ended(n: number): void
}

/** How a worker is opened. */
export interface WorkerOptions {
  /** Tasks run at once, where the peer has no number of its own. */
  readonly slots?: number
  readonly told?: Told
  /** Where it counts its claims, if it makes any. */
  readonly claims?: ClaimCount
}

/** A queue with a worker in this process. */
export interface OpenedPeer {
  /** Adds one task; resolves once it has ended. */
  one(n: number): Promise<unknown>
  /** Adds many in the way that suits the queue; resolves once each has ended. */
  all(count: number): Promise<unknown>
  /** Milliseconds from the first of so many tasks that starts to the last that ends. */
  drained(count: number): Promise<number>
  close(): Promise<void>
}

/** Adds tasks, and works on none. */
export interface Producer {
  /** Adds many in the way that suits the queue. */
  all(count: number): Promise<unknown>
  /** Adds one; resolves once its result is here. Absent where the peer has no results, or can't wait for one. */
  readonly one?: () => Promise<unknown>
  close(): Promise<void>
}

export interface Peer {
  readonly name: string
  open(at: string, options?: WorkerOptions): Promise<OpenedPeer>
  /** Absent where the peer can't add tasks without working on them. */
  readonly producer?: (at: string) => Promise<Producer>
}

/** How many tasks are added by one call, where a peer can. */
export const BATCH = 500

/** How many tasks run at once. */
export const CONCURRENCY = 500

/** Numbers from 0, in batches. */
export function batches(count: number): number[][] {
  const numbers = numbersTo(count)
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => numbers.slice(i * BATCH, (i + 1) * BATCH))
}

/** Numbers from 0. */
export function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Who waits for which task, and when the first started and the last ended. */
export class Ends {
  readonly #waiting = new Map<number, () => void>()
  #firstAt: number | undefined
  #ended = 0
  #drain: { count: number; resolve: (ms: number) => void } | undefined

  constructor(private readonly told?: Told) {}

  started(n: number): void {
    this.#firstAt ??= performance.now()
    this.told?.started(n)
  }

  ended(n: number): void {
    this.#ended++
    this.#waiting.get(n)?.()
    this.#waiting.delete(n)
    this.#check()
    this.told?.ended(n)
  }

  wait(n: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(n, resolve))
  }

  /** All numbers below this one. */
  waitAll(count: number): Promise<unknown> {
    return Promise.all(numbersTo(count).map((n) => this.wait(n)))
  }

  drained(count: number): Promise<number> {
    return new Promise((resolve) => {
      this.#drain = { count, resolve }
      this.#check()
    })
  }

  #check(): void {
    if (this.#drain === undefined || this.#ended < this.#drain.count) return
    this.#drain.resolve(performance.now() - (this.#firstAt ?? Number.NaN))
  }
}

/** A package that may be missing. */
export async function importPeer<T>(name: string): Promise<T | string> {
  try {
    return (await import(name)) as T
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return `${name} is left out: not installed (npm install --prefix bench)`
  }
}

/** Those that are installed; it is said of each other that it is left out. */
export async function found(...loading: readonly Promise<Peer | string>[]): Promise<readonly Peer[]> {
  const peers = await Promise.all(loading)
  for (const why of new Set(peers.filter((peer) => typeof peer === 'string'))) console.error(why)
  return peers.filter((peer) => typeof peer !== 'string')
}
