import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { bar, board } from '../src/board.js'
import { AGENTS } from '../src/contest.js'
import { runRace, STRATEGIES } from '../src/run-race.js'

const example = fileURLToPath(new URL('..', import.meta.url))

describe('the race', () => {
  it('shows what blind strategies pay for a broken and a slow agent', async () => {
    const clock = new VirtualClock()
    let shown = 0
    const race = runRace(clock, 10_000, () => {
      shown++
    })
    const { standings, decision } = (await clock.runUntil(race)) as Awaited<typeof race>
    expect(shown).toBeGreaterThan(50)
    expect(clock.pendingTimers).toBe(0)
    const by = Object.fromEntries(standings.map((standing) => [standing.strategy, standing]))
    const shareOf = (strategy: string, agent: (typeof AGENTS)[number]) => {
      const attempts = by[strategy]?.attempts ?? []
      return (attempts[AGENTS.indexOf(agent)] ?? 0) / attempts.reduce((sum, count) => sum + count, 0)
    }
    expect(new Set(standings.map(({ done }) => done)).size).toBe(1)
    for (const strategy of ['least_busy', 'power_of_two', 'peak_ewma', 'balanced']) {
      expect(shareOf(strategy, 'broken')).toBeLessThan(0.05)
      expect(by[strategy]?.p95).toBeLessThan(by.round_robin?.p95 ?? 0)
    }
    expect(decision).toMatch(/^Task .* -> \w+ \(balanced\)\n/)
  })

  it('draws bars in eighths, and columns that stand still', () => {
    expect(bar(0, 4)).toBe('    ')
    expect(bar(1, 4)).toBe('████')
    expect(bar(0.5 + 1 / 32, 4)).toBe('██▏ ')
    const standing = { strategy: 'balanced', attempts: [1, 2, 1, 0], done: 4, p50: 60, p95: 120 } as const
    const [head, row] = board([standing])
    for (const id of AGENTS) expect(head).toContain(id)
    expect(row).toMatch(/^balanced .*▌ +25 %.*50 %.*25 %.* 0 % +60 ms +120 ms █+ +4$/)
    expect(board([standing])).toHaveLength(2)
  })

  it('ends by itself, without escape codes where there is no terminal', { timeout: 60_000 }, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/race.ts', '0.5'], { cwd: example })
    const exit = once(child, 'exit')
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect([(await exit)[0], errors]).toEqual([0, ''])
    for (const strategy of STRATEGIES) expect(output.split(`\n${strategy} `)).toHaveLength(2)
    expect(output).not.toContain('\u001B')
    expect(output).toContain('And every decision says why.')
  })

  it('says what it takes', { timeout: 60_000 }, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/race.ts', 'fast'], { cwd: example })
    const exit = once(child, 'exit')
    expect(await text(child.stderr)).toContain('between 0 and 600 seconds')
    expect((await exit)[0]).toBe(1)
  })
})
