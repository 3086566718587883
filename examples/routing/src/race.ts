/** `npm run example:routing`: a race between strategies in the terminal. `-- 10` for ten seconds instead of four. */
import type { Clock } from 'batuta'
import { board } from './board.js'
import type { Standing } from './contest.js'
import { runRace } from './run-race.js'

const DEFAULT_SECONDS = 4
const MAX_SECONDS = 600

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, Math.max(0, delayMs))
    return { cancel: () => clearTimeout(timer) }
  },
}

const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS)
if (seconds > 0 && seconds <= MAX_SECONDS) await main()
else {
  console.error(`Give the race between 0 and ${MAX_SECONDS} seconds, such as: npm run example:routing -- 10`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  console.log('The same work for every strategy. "slow" takes four times as long, "broken" fails at once.\n')
  const isLive = process.stdout.isTTY === true
  let drawn = 0
  const draw = (standings: readonly Standing[]) => {
    const lines = board(standings)
    // Up to where the last board began, then each line anew.
    const up = drawn === 0 ? '' : `\u001B[${drawn}A`
    process.stdout.write(up + lines.map((line) => `${isLive ? '\u001B[2K' : ''}${line}\n`).join(''))
    drawn = lines.length
  }
  const { standings, decision } = await runRace(clock, 1_000 * seconds, (now) => {
    if (isLive) draw(now)
  })
  draw(standings)
  console.log(`\nAnd every decision says why. The last one of ${standings.at(-1)?.strategy}:\n\n${decision}`)
}
