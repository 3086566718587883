import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { percentile } from '../measure.js'
import type { RowOrder } from './row-writer.js'

const WRITER = fileURLToPath(new URL('row-writer.ts', import.meta.url))
const ROWS = 40_000
const ROUNDS = 3

/** Milliseconds per row that so many processes write together to one SQLite file, each its share in batches. */
export async function rawRows(path: string, processes: number): Promise<{ driver: string; perRowMs: number }> {
  const children = Array.from({ length: processes }, () =>
    fork(WRITER, [path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
  )
  const told = (child: ChildProcess) =>
    Promise.race([
      once(child, 'message').then(([driver]) => String(driver)),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`a writer of rows ended early (${code})`))),
    ])
  try {
    const [driver = ''] = await Promise.all(children.map(told))
    const share = Math.ceil(ROWS / processes)
    const times: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const all = Promise.all(children.map(told))
      const startedAt = performance.now()
      for (const [i, child] of children.entries()) {
        child.send({ first: (round * processes + i) * share, count: share } satisfies RowOrder)
      }
      await all
      if (round > 0) times.push(performance.now() - startedAt)
    }
    return { driver, perRowMs: percentile(times, 0.5) / (share * processes) }
  } finally {
    for (const child of children) if (child.connected) child.disconnect()
  }
}
