/**
 * A process that commits, for the tests that kill it or run two of it.
 *
 * `pairs FILE NAME`: sets of an item and a note, one after the other; writes a number when its set was acknowledged.
 * `counter FILE NAME N`: adds one to a shared counter N times, then ends.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import type { Storage } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'

const [mode, path = '', name = '', times = '0'] = process.argv.slice(2)
const notAfter = Number.MAX_SAFE_INTEGER

async function pairs(storage: Storage): Promise<void> {
  for (let at = 0; ; at += 20) {
    const sets = Array.from({ length: 20 }, (_, i) => {
      const id = `${name}${at + i}`
      const leave = { version: id, value: { at: at + i, text: 'x'.repeat(200) } }
      return {
        writes: [
          { kind: 'item', id, expect: null, leave },
          { kind: 'note', id, expect: null, leave },
        ],
        notAfter,
      }
    })
    const { results } = await storage.commit(sets)
    if (!results.every((result) => result.applied)) throw new Error('a set was refused')
    process.stdout.write(`${at + 19}\n`)
  }
}

async function counter(storage: Storage): Promise<void> {
  const key = { kind: 'item', id: 'counter' }
  for (let done = 0; done < Number(times); ) {
    const { records } = await storage.read([key])
    const value = (records[0]?.value ?? { n: 0 }) as { n: number }
    const leave = { version: `${name}${done}.${value.n}`, value: { n: value.n + 1 } }
    const { results } = await storage.commit([
      { writes: [{ ...key, expect: records[0]?.version ?? null, leave }], notAfter },
    ])
    if (results[0]?.applied) done++
    if (done % 10 === 0) await pause(1)
  }
}

const storage = sqliteStorage({ path, busyTimeoutMs: 5_000 })
await storage.open(KIT_SCHEMA)
await (mode === 'pairs' ? pairs(storage) : counter(storage))
await storage.close()
