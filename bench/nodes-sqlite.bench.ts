/**
 * One process and four over a SQLite file with `synchronous=FULL`: tasks of no work, added by a process of their own that does not
 * work. Beside rows that as many processes write to such a file.
 *
 *   npm run bench -- nodes-sqlite
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchRow, rate, report } from './measure.js'
import { measurePlace, titleOf } from './nodes/measure-place.js'
import { TASKS } from './nodes/measure-side.js'
import { rawRows } from './nodes/raw-rows.js'

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
  return { at: join(folder, 'bench.sqlite'), stop: async () => rmSync(folder, { recursive: true, force: true }) }
}

async function besideRows(nodes: number, endToEndMs: number): Promise<BenchRow> {
  const { at, stop } = await start()
  try {
    const { driver, perRowMs } = await rawRows(at, nodes)
    return {
      what: `${titleOf(nodes)}: a task end to end, a raw row`,
      batuta: rate(TASKS, endToEndMs),
      against: `${driver}, ${rate(1, perRowMs)}`,
      ratio: endToEndMs / TASKS / perRowMs,
      budget: '',
    }
  } finally {
    await stop()
  }
}

report(await measurePlace({ ours: 'batuta on SQLite', peers: [], start, more: besideRows }))
