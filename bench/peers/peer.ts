/** What the PostgreSQL benchmarks ask of a queue, batuta's own included. */

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

export interface Peer {
  readonly name: string
  open(url: string): Promise<OpenedPeer>
  /** Adds many while nobody works. Absent where the peer can't. */
  readonly producer?: (url: string) => Promise<{ all(count: number): Promise<unknown>; close(): Promise<void> }>
}

/** How many tasks are added by one call, where a peer can. */
export const BATCH = 500

/** How many tasks run at once. */
export const CONCURRENCY = 500

/** Numbers from 0, in batches. */
export function batches(count: number): number[][] {
  const numbers = Array.from({ length: count }, (_, n) => n)
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => numbers.slice(i * BATCH, (i + 1) * BATCH))
}

/** Who waits for which task, and when the first started and the last ended. */
export class Ends {
  readonly #waiting = new Map<number, () => void>()
  #firstAt: number | undefined
  #ended = 0
  #drain: { count: number; resolve: (ms: number) => void } | undefined

  started(): void {
    this.#firstAt ??= performance.now()
  }

  ended(n: number): void {
    this.#ended++
    this.#waiting.get(n)?.()
    this.#waiting.delete(n)
    this.#check()
  }

  wait(n: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(n, resolve))
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
