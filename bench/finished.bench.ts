/**
 * Whether what has ended costs anything: tasks end to end with a thousand and with a million finished ones in memory and in a
 * SQLite file, and how fast the purge lets go of a million. The servers have a file each, since each takes minutes.
 *
 *   npx tsx --expose-gc --tsconfig bench/tsconfig.json bench/finished.bench.ts [finished]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { memoryStorage } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { measureFinished } from './finished/measure-finished.js'
import { report } from './measure.js'

// A million tasks in memory are more than Node's own limit allows.
setFlagsFromString('--max-old-space-size=6000')

const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
try {
  const rows = await measureFinished({ name: 'memory', open: () => memoryStorage(), isKept: false })
  const open = (name: string) => sqliteStorage({ path: join(folder, `${name}.sqlite`) })
  rows.push(...(await measureFinished({ name: 'SQLite', open, isKept: true })))
  report(rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
