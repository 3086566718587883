/**
 * Runs every bench/*.bench.ts in a process of its own, one after the other, and prints one table.
 *
 * `npm run bench`, `npm run bench -- sqlite nodes-` (those of such a name, or else all whose names contain it), `npm run bench -- --write` (also puts
 * the tables into docs/benchmarks.md, in the section of this major version of Node). To measure with another Node: `npm run build`, then start this
 * file with that one.
 */
import { fork } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type BenchRow, tableOf } from './measure.js'
import { pageWith, type Result } from './page.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const args = process.argv.slice(2)
const parts = args.filter((arg) => !arg.startsWith('-'))
const END = '.bench.ts'
const known = readdirSync(folder).flatMap((file) => (file.endsWith(END) ? [file.slice(0, -END.length)] : []))
const isMeant = (name: string) =>
  parts.length === 0 || parts.some((part) => (known.includes(part) ? name === part : name.includes(part)))
const names = known.filter(isMeant)

/** The rows that one benchmark reports. */
async function rowsOf(name: string): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = []
  const child = fork(`${folder}${name}${END}`, [], {
    execArgv: ['--expose-gc', '--no-warnings', '--import', 'tsx'],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${folder}tsconfig.json` },
    stdio: 'inherit',
  })
  child.on('message', (message) => rows.push(...(message as BenchRow[])))
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Error(`bench/${name}${END} ended with ${code}`)
  return rows
}

const [cpu] = cpus()
const machine = `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`
const results: Result[] = []
const all: BenchRow[] = []
for (const name of names) {
  console.error(`bench/${name}${END} ...`)
  try {
    const rows = await rowsOf(name)
    const where = `Node ${process.versions.node} on ${machine}, ${new Date().toISOString().slice(0, 10)}.`
    results.push({ name, text: `${where}\n\n${tableOf(rows)}\n` })
    all.push(...rows)
  } catch (error) {
    process.exitCode = 1
    console.error(String(error))
  }
}
console.log(`\nNode ${process.versions.node} on ${machine}\n\n${tableOf(all)}\n`)
// What has been measured is worth keeping, whatever became of the others.
if (args.includes('--write'))
  writeFileSync(PAGE, pageWith(PAGE, `Node ${process.versions.node.split('.')[0]}`, results, known))
