/**
 * Durable end to end: every task of a batch is accepted, claimed, run and settled on a SQLite file with
 * `synchronous=FULL`. Against the rows that the driver alone writes to such a file in transactions of 500.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOrchestrator, defineAgent, defineTask, staticSchema } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { alternate, rate, report, type Side } from './measure.js'

const TASKS = 20_000
const ROWS = 100_000
const BATCH = 500

/** The members of better-sqlite3 and node:sqlite that raw writing needs; both have them. */
interface RawDatabase {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: string[]): unknown }
  close(): void
}

async function openRaw(path: string): Promise<{ name: string; database: RawDatabase }> {
  if (Number(process.versions.node.split('.')[0]) < 22) {
    const name = 'better-sqlite3'
    const { default: Database } = (await import(name)) as { default: new (path: string) => RawDatabase }
    return { name, database: new Database(path) }
  }
  const name = 'node:sqlite'
  const { DatabaseSync } = (await import(name)) as { DatabaseSync: new (path: string) => RawDatabase }
  return { name, database: new DatabaseSync(path) }
}

function temporaryFile(): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
  return { path: join(folder, 'bench.sqlite'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const task = defineTask('bench', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

const batuta: Side = {
  name: 'batuta',
  async prepare() {
    const file = temporaryFile()
    const agent = defineAgent('worker', { handlers: [task.handler(async ({ n }) => n)], maxConcurrentTasks: 500 })
    const app = await createOrchestrator({ agents: [agent], storage: sqliteStorage({ path: file.path }) })
    const one = async (n: number) => (await app.submit(task, { n })).result()
    return {
      work: async () => void (await Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)))),
      close: async () => {
        await app.shutdown()
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
    const { name, database } = await openRaw(file.path)
    driver = name
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
    database.exec('CREATE TABLE rows (id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID')
    const insert = database.prepare('INSERT INTO rows VALUES (?, ?)')
    const value = JSON.stringify({ type: 'bench', state: 'ready', input: { n: 1 }, note: 'x'.repeat(200) })
    return {
      work: async () => {
        for (let from = 0; from < ROWS; from += BATCH) {
          database.exec('BEGIN IMMEDIATE')
          for (let n = from; n < from + BATCH; n++) insert.run(String(n).padStart(12, '0'), value)
          database.exec('COMMIT')
        }
      },
      close: async () => {
        database.close()
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
