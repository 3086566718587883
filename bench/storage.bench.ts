/**
 * What the storages take for the life of a task: created ready, started, completed, each a guarded set of one write, in
 * batches as the committer sends them. Beside them, in the same run: SQLite by hand, one table of two columns.
 *
 *   npx tsx bench/storage.bench.ts [tasks]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { memoryStorage } from '../src/storage/memory/memory-storage.js'
import { SCHEMA } from '../src/storage/records.js'
import { sqliteStorage } from '../src/storage/sqlite/index.js'
import type { Storage, WriteSet } from '../src/storage/storage.js'

const TASKS = Number(process.argv[2] ?? 50_000)
const ROUNDS = 3
const START_MS = 1_700_000_000_000
const OWNER = '01hv8cxm5000000000000ab'
const directory = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
let files = 0

function newPath(): string {
  return join(directory, `${++files}.db`)
}

function idOf(i: number): string {
  return `01hv8cxm5${String(i).padStart(14, '0')}`
}

function task(i: number, state: string, more: object): object {
  const at = START_MS + (i >> 4)
  const attempts =
    state === 'ready'
      ? []
      : [
          {
            number: 1,
            agentId: 'mailer',
            instanceId: `${OWNER}/mailer`,
            ownerId: OWNER,
            token: `${OWNER}.${i}`,
            startedAt: at,
          },
        ]
  const times = { createdAt: at, dueAt: at, rank: at - 60_000 }
  const input = { to: 'someone@example.com', subject: `Message ${i}` }
  return {
    id: idOf(i),
    type: 'mail.send',
    tenant: 'default',
    state,
    lane: 'mail.send|',
    requires: [],
    priority: 'normal',
    ...times,
    attempts,
    input,
    ...more,
  }
}

function setOf(i: number, step: 0 | 1 | 2): WriteSet {
  const id = idOf(i)
  const value = [
    () => task(i, 'ready', {}),
    () => task(i, 'running', { holder: OWNER }),
    () => task(i, 'completed', { endedAt: START_MS + (i >> 3), output: { accepted: true } }),
  ][step]?.() as object
  const expect = step === 0 ? null : `${OWNER}.${i}.${step - 1}`
  return {
    writes: [{ kind: 'task', id, expect, leave: { version: `${OWNER}.${i}.${step}`, value } }],
    notAfter: Number.MAX_SAFE_INTEGER,
  }
}

/** Sets per second of each step, and whole lives per second. */
async function lives(storage: Storage, batch: number): Promise<{ steps: number[]; lives: number }> {
  await storage.open(SCHEMA)
  const ms = [0, 0, 0]
  for (let from = 0; from < TASKS; from += batch) {
    for (const step of [0, 1, 2] as const) {
      const sets = Array.from({ length: Math.min(batch, TASKS - from) }, (_, i) => setOf(from + i, step))
      const startedAt = performance.now()
      const { results } = await storage.commit(sets)
      ms[step] = (ms[step] ?? 0) + performance.now() - startedAt
      if (!results.every((result) => result.applied)) throw new Error('a set was refused')
    }
  }
  await storage.close()
  const total = ms.reduce((sum, each) => sum + each, 0)
  return { steps: ms.map((each) => (TASKS / each) * 1_000), lives: (TASKS / total) * 1_000 }
}

/** Rows per second into one table, in batches, durable. */
function byHand(batch: number): number {
  const database = new Database(newPath())
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id TEXT PRIMARY KEY, value TEXT)',
  )
  const insert = database.prepare('INSERT INTO t (id, value) VALUES (?, ?)')
  const value = JSON.stringify({ to: 'someone@example.com', subject: 'Message' })
  const startedAt = performance.now()
  for (let from = 0; from < TASKS; from += batch) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = from; i < Math.min(from + batch, TASKS); i++) insert.run(idOf(i), value)
    database.exec('COMMIT')
  }
  const ms = performance.now() - startedAt
  database.close()
  return (TASKS / ms) * 1_000
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

async function measure(name: string, batch: number, create: () => Storage, reference: number): Promise<void> {
  const runs: Awaited<ReturnType<typeof lives>>[] = []
  for (let round = 0; round < ROUNDS; round++) runs.push(await lives(create(), batch))
  const perSecond = (pick: (run: (typeof runs)[number]) => number) => Math.round(median(runs.map(pick)))
  const steps = [0, 1, 2].map((step) => perSecond((run) => run.steps[step] ?? 0))
  const whole = perSecond((run) => run.lives)
  console.log(
    `${name}, batches of ${batch}: created ${steps[0]}/s, started ${steps[1]}/s, completed ${steps[2]}/s;`,
    `whole lives ${whole}/s = ${(1e6 / whole).toFixed(1)} µs, ${(whole / reference).toFixed(3)} of a row by hand`,
  )
}

try {
  const reference = median(Array.from({ length: ROUNDS }, () => byHand(500)))
  console.log(`SQLite by hand, synchronous=FULL, batches of 500: ${Math.round(reference)} rows/s`)
  for (const batch of [1, 50, 500]) await measure('memory', batch, () => memoryStorage(), reference)
  for (const batch of [50, 200, 500]) {
    await measure('sqlite, full', batch, () => sqliteStorage({ path: newPath() }), reference)
  }
  await measure('sqlite, normal', 50, () => sqliteStorage({ path: newPath(), synchronous: 'normal' }), reference)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
