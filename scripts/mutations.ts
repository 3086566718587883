/**
 * Breaks the rules of the architecture page one by one, in copies of the sources, and says which the simulation notices:
 * `npx tsx scripts/mutations.ts [text of a rule]`. Ends with 1 when one goes unnoticed or can't be applied any more.
 */
import { runMutation } from '../test/simulation/mutation-runner.js'
import { MUTATIONS } from '../test/simulation/mutations.js'

async function main(): Promise<number> {
  const wanted = process.argv[2] ?? ''
  let bad = 0
  for (const mutation of MUTATIONS.filter(({ rule }) => rule.includes(wanted))) {
    const startedMs = performance.now()
    const { outcome, detail } = await runMutation(mutation)
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
    console.log(`${outcome.padEnd(8)} ${seconds.padStart(4)} s  ${mutation.rule}`)
    const lines = detail.trim().split('\n')
    console.log(`                 ${(lines.find((line) => line.startsWith('- ')) ?? lines.at(-1) ?? '').slice(0, 200)}`)
    if (outcome !== 'caught') bad++
  }
  return bad === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error)
    process.exit(2)
  },
)
