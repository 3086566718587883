import { describe, expect, it } from 'vitest'
import { runMutation, staleness } from './mutation-runner.js'
import { MUTATIONS } from './mutations.js'

/** Each one copies the sources and starts a process, so all of them together take minutes: `BATUTA_MUTATIONS=all`. */
const runsAll = process.env.BATUTA_MUTATIONS === 'all'
const quick = MUTATIONS.filter((mutation) => mutation.detect.by === 'test').slice(0, 1)
const chosen = runsAll ? MUTATIONS : quick

describe('mutations', () => {
  it.each(MUTATIONS.map((mutation) => [mutation.rule, mutation] as const))(
    'has its text: %s',
    async (_rule, mutation) => {
      expect(await staleness(mutation)).toBeUndefined()
    },
  )

  it.each(chosen.map((mutation) => [mutation.rule, mutation] as const))(
    'is noticed without: %s',
    { timeout: 400_000 },
    async (_rule, mutation) => {
      const { outcome, detail } = await runMutation(mutation)
      expect({ outcome, detail }).toEqual({ outcome: 'caught', detail: expect.any(String) })
    },
  )
})
