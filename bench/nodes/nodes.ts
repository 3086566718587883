import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { NodeNews, NodeOrder } from './news.js'
import type { SideName } from './sides.js'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const LIMIT_MS = 60_000

/** Tasks took longer than a minute. */
export class TooSlow extends Error {}

/** Processes that work on a queue. */
export class Nodes {
  readonly #name: SideName
  readonly #children: ChildProcess[] = []
  readonly #claims = new Map<ChildProcess, NodeNews['claims']>()
  #failed: Promise<never> = new Promise(() => undefined)
  #ended = 0
  #firstStartedMs = Number.POSITIVE_INFINITY
  #lastEndedMs = 0
  #changed = () => {}

  private constructor(name: SideName) {
    this.#name = name
  }

  /** Forks so many, which do not work yet. */
  static async fork(name: SideName, count: number): Promise<Nodes> {
    const nodes = new Nodes(name)
    const children = Array.from({ length: count }, () =>
      fork(WORKER, [name], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    )
    nodes.#children.push(...children)
    nodes.#failed = Promise.race(children.map((child) => failure(child, name)))
    // They all end when it is over.
    nodes.#failed.catch(() => undefined)
    try {
      await Promise.race([nodes.#failed, Promise.all(children.map(done))])
    } catch (error) {
      await nodes.kill()
      throw error
    }
    for (const child of children) child.on('message', (news: NodeNews) => nodes.#hear(child, news))
    return nodes
  }

  /** Has all of them work there, or stop working. */
  async workAt(workAt: string | null): Promise<void> {
    const all = Promise.all(this.#children.map(done))
    for (const child of this.#children) child.send({ workAt } satisfies NodeOrder)
    await Promise.race([this.#failed, all])
  }

  /** Forgets what has ended. */
  reset(): void {
    this.#ended = 0
    this.#firstStartedMs = Number.POSITIVE_INFINITY
    this.#lastEndedMs = 0
  }

  /** Once so many have ended: when the first of them started, and the last ended. @throws TooSlow */
  async ended(count: number): Promise<{ firstStartedMs: number; lastEndedMs: number }> {
    let late: NodeJS.Timeout | undefined
    const tooSlow = new Promise<never>((_, reject) => {
      const give = () => reject(new TooSlow(`${count} tasks of ${this.#name} took more than ${LIMIT_MS / 1_000} s`))
      late = setTimeout(give, LIMIT_MS)
    })
    const all = new Promise<void>((resolve) => {
      this.#changed = () => {
        if (this.#ended >= count) resolve()
      }
      this.#changed()
    })
    await Promise.race([all, this.#failed, tooSlow]).finally(() => clearTimeout(late))
    return { firstStartedMs: this.#firstStartedMs, lastEndedMs: this.#lastEndedMs }
  }

  /** Claims of all of them since the start. None are counted where there are none. */
  claims(): NodeNews['claims'] {
    const sum = { made: 0, refused: 0 }
    for (const { made, refused } of this.#claims.values()) {
      sum.made += made
      sum.refused += refused
    }
    return sum
  }

  /** Ends the processes as they stand. */
  async kill(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exit = once(child, 'exit')
        child.kill('SIGKILL')
        await exit
      }),
    )
  }

  #hear(child: ChildProcess, news: NodeNews): void {
    this.#ended += news.ended
    this.#firstStartedMs = Math.min(this.#firstStartedMs, news.firstStartedMs)
    this.#lastEndedMs = Math.max(this.#lastEndedMs, news.lastEndedMs)
    this.#claims.set(child, news.claims)
    this.#changed()
  }
}

/** Resolves when a node has done what it was told. */
function done(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const hear = ({ isDone }: NodeNews) => {
      if (!isDone) return
      child.off('message', hear)
      resolve()
    }
    child.on('message', hear)
  })
}

async function failure(child: ChildProcess, name: string): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`a node of ${name} ended early (${code})`)
}
