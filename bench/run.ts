/**
 * Runs every bench/*.bench.ts in a process of its own, one after the other, and prints one table.
 *
 * `npm run bench`, `npm run bench -- sqlite redis` (names that contain one of these), `npm run bench -- --write` (also puts the table into
 * docs/benchmarks.md, one section per major version of Node). To measure with another Node: `npm run build`, then start this
 * file with that one.
 */
import { fork } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type BenchRow, tableOf } from './measure.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const args = process.argv.slice(2)
const parts = args.filter((arg) => !arg.startsWith('-'))
const names = readdirSync(folder).filter(
  (name) => name.endsWith('.bench.ts') && (parts.length === 0 || parts.some((part) => name.includes(part))),
)

/** The rows that one benchmark reports. */
async function rowsOf(name: string): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = []
  const child = fork(`${folder}${name}`, [], {
    execArgv: ['--expose-gc', '--no-warnings', '--import', 'tsx'],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${folder}tsconfig.json` },
    stdio: 'inherit',
  })
  child.on('message', (message) => rows.push(...(message as BenchRow[])))
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Error(`bench/${name} ended with ${code}`)
  return rows
}

const rows: BenchRow[] = []
let failed = false
for (const name of names) {
  console.error(`bench/${name} ...`)
  try {
    rows.push(...(await rowsOf(name)))
  } catch (error) {
    failed = true
    console.error(String(error))
  }
}

const [cpu] = cpus()
const machine = `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`
const heading = `## Node ${process.versions.node.split('.')[0]}`
const section = `${heading}\n\nNode ${process.versions.node} on ${machine}, ${new Date().toISOString().slice(0, 10)}.\n\n${tableOf(rows)}\n`
console.log(`\n${section}`)
if (args.includes('--write') && !failed) writeFileSync(PAGE, pageWith(section))
if (failed) process.exitCode = 1

/** The page with the section of this version of Node put in, or replaced. */
function pageWith(fresh: string): string {
  const intro = `# Benchmarks

Made by \`npm run bench -- --write\`. Both sides of a ratio were measured in one run on one machine, alternating, median of
several rounds; a ratio below 1 means that batuta took less. Rates of different machines can't be compared, ratios can.
`
  const old = existsSync(PAGE)
    ? readFileSync(PAGE, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
    : []
  const others = old.filter((text) => !text.startsWith(`${heading}\n`))
  return [intro, ...[...others, fresh].sort()]
    .map((text) => text.trim())
    .join('\n\n')
    .concat('\n')
}
