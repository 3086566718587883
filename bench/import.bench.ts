/** What `import 'batuta'` costs, each time in a process of its own; beside it zod, which is loaded later. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { duration, percentile, report } from './measure.js'

const ROUNDS = 15
const root = fileURLToPath(new URL('..', import.meta.url))

function importMs(specifier: string): number {
  const code = `const t = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - t)`
  return Number(
    execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, encoding: 'utf8' }),
  )
}

const specifiers = ['batuta', 'batuta/storage/sqlite', 'zod']
const times = new Map<string, number[]>(specifiers.map((name) => [name, []]))
for (let round = 0; round <= ROUNDS; round++) {
  for (const name of specifiers) if (round > 0) times.get(name)?.push(importMs(name))
}
const medianOf = (name: string) => percentile(times.get(name) ?? [], 0.5)
const zod = `zod ${duration(medianOf('zod'))}`
report([
  { what: 'import batuta', batuta: duration(medianOf('batuta')), against: zod, budget: '<= 30 ms' },
  {
    what: 'import batuta/storage/sqlite',
    batuta: duration(medianOf('batuta/storage/sqlite')),
    against: zod,
    budget: '',
  },
])
