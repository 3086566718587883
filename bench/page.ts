/** docs/benchmarks.md: a section for each major version of Node, in it one for each benchmark, each replaced when it is run again. */
import { existsSync, readFileSync } from 'node:fs'

const INTRO = `# Benchmarks

Made by \`npm run bench -- --write\`; each table says on what machine and when. Both sides of a ratio were measured in one run,
alternating, median of several rounds; a ratio below 1 means that batuta took less. Rates of different machines, or of one at
different times, can't be compared; ratios can.
[bench/README.md](https://github.com/batuta-js/batuta/blob/main/bench/README.md) says what the sides do and do not.
`

/** What a benchmark of one run found, as Markdown. */
export interface Result {
  /** Of the benchmark. */
  readonly name: string
  readonly text: string
}

/**
 * The page as it stands at a path, with these results in place of earlier ones of the same benchmarks and version, and without
 * those of benchmarks that are not known any more.
 */
export function pageWith(path: string, heading: string, results: readonly Result[], known: readonly string[]): string {
  const old = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const versions = new Map(partsOf(old, '## ').map((part) => [titleOf(part), part]))
  const tables = new Map(partsOf(versions.get(heading) ?? '', '### ').map((part) => [titleOf(part), part]))
  for (const name of [...tables.keys()]) if (!known.includes(name)) tables.delete(name)
  for (const { name, text } of results) tables.set(name, `### ${name}\n\n${text}`)
  versions.set(heading, [`## ${heading}`, ...sorted(tables)].map((text) => text.trim()).join('\n\n'))
  return `${[INTRO, ...sorted(versions)].map((text) => text.trim()).join('\n\n')}\n`
}

/** The parts of a text that begin with such a heading. */
function partsOf(text: string, mark: string): string[] {
  return text.split(new RegExp(`^(?=${mark})`, 'm')).filter((part) => part.startsWith(mark))
}

function titleOf(part: string): string {
  return part.slice(part.indexOf(' ') + 1, part.indexOf('\n')).trim()
}

function sorted(parts: ReadonlyMap<string, string>): string[] {
  return [...parts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part)
}
