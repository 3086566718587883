/**
 * Durable end to end: every task of a batch is accepted, claimed, run and settled on a SQLite file with
 * `synchronous=FULL`. Against the rows that the driver alone writes to such a file in transactions of 500.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, rate, report, type Side } from './measure.js'
import { oneByOne, onSqlite } from './peers/batuta.js'
import { openRawRows } from './peers/raw-rows.js'

const TASKS = 20_000
const ROWS = 100_000

function temporaryFile(): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
  return { path: join(folder, 'bench.sqlite'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const batuta: Side = {
  name: 'batuta',
  async prepare() {
    const file = temporaryFile()
    const opened = await onSqlite.open(file.path)
    return {
      work: async () => void (await oneByOne(opened, TASKS)),
      close: async () => {
        await opened.close()
        file.remove()
      },
    }
  },
}

let driver = ''
const raw: Side = {
  name: 'raw',
  async prepare() {
    const file = temporaryFile()
    const rows = await openRawRows(file.path)
    driver = rows.driver
    return {
      work: async () => rows.write(0, ROWS),
      close: async () => {
        rows.close()
        file.remove()
      },
    }
  },
}

const times = await alternate([batuta, raw], 3)
const batutaMs = times.get('batuta') ?? Number.NaN
const rawMs = times.get('raw') ?? Number.NaN
report([
  {
    what: `${TASKS.toLocaleString('en-US')} tasks on SQLite, synchronous=FULL, end to end`,
    batuta: rate(TASKS, batutaMs),
    against: `${driver}, ${rate(ROWS, rawMs)} raw rows`,
    // One task against one row: the budget is 15,000 tasks where the driver writes 290,000 rows.
    ratio: batutaMs / TASKS / (rawMs / ROWS),
    budget: '<= 19.33',
  },
])
