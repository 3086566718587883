import { type DecisionRecording, isBatutaError, Router, type RoutingStrategy } from 'batuta'
import { replayDecisions, type SimulateLoadOptions, simulateLoad } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { STRATEGY_NAMES } from '../../src/router/strategies/strategy-by-name.js'

/** A team with unequal agents, failures, retries on others, and work of two kinds. */
const TRAFFIC: SimulateLoadOptions = {
  agents: [
    { maxConcurrentTasks: 4, capabilities: ['a', 'b'], cost: 3 },
    { maxConcurrentTasks: 2, capabilities: ['a'], cost: 1 },
    { maxConcurrentTasks: 3, capabilities: ['a', 'b'], speed: 0.3 },
    { maxConcurrentTasks: 1, capabilities: ['a', 'b', 'c'], cost: 2 },
    { maxConcurrentTasks: 2, capabilities: ['a'], fails: { rate: 0.5 } },
  ],
  workload: {
    tasks: 400,
    load: 0.6,
    types: [
      { type: 'plain', definition: { requires: ['a'] } },
      { type: 'special', definition: { requires: ['b'] } },
    ],
    task: (index) => ({ sessionId: `s${index % 29}` }),
  },
  coordinator: { recordDecisions: { maxDecisions: 10_000 }, retryBudget: { floorPerSecond: 100 } },
  seed: 3,
}

async function recorded(options: Partial<SimulateLoadOptions>): Promise<DecisionRecording> {
  const { recordings } = await simulateLoad({ ...TRAFFIC, ...options })
  // What is written to a file and read back must do.
  return JSON.parse(JSON.stringify(recordings[0]))
}

const decisionsIn = ({ entries }: DecisionRecording) => entries.filter(({ kind }) => kind === 'decision').length

describe('replay of recorded decisions', () => {
  it.each(STRATEGY_NAMES)('comes out the same for %s, also with agents that come and go', async (strategy) => {
    const recording = await recorded({ strategy, churn: { everyMs: 5_000, awayMs: 4_000 } })
    const report = replayDecisions(recording)
    expect(report.decisions).toBeGreaterThan(400)
    expect(report.changed).toEqual([])
    expect(report.same).toBe(decisionsIn(recording))
    expect(replayDecisions(recording, { strategy }).same).toBe(report.same)
  })

  it.each(STRATEGY_NAMES)('of a part of what %s decided comes out the same, too', async (strategy) => {
    const coordinator = { ...TRAFFIC.coordinator, recordDecisions: { maxDecisions: 80 } }
    const recording = await recorded({ strategy, coordinator })
    expect(decisionsIn(recording)).toBeGreaterThan(60)
    expect(decisionsIn(recording)).toBeLessThanOrEqual(80)
    expect(replayDecisions(recording).changed).toEqual([])
  })

  it('comes out the same for a strategy of your own that draws from the list and learns from results', async () => {
    const moody = (): RoutingStrategy => {
      let mood = 0
      return {
        name: 'moody',
        select: ({ candidates, random }) =>
          candidates[Math.floor(random.next() * candidates.length + mood) % candidates.length],
        onResult: ({ durationMs }) => {
          mood = (mood + durationMs) % 97
        },
        snapshot: () => ({ mood }),
        restore: (state) => {
          mood = (state as { mood: number }).mood
        },
      }
    }
    const coordinator = { ...TRAFFIC.coordinator, recordDecisions: { maxDecisions: 100 } }
    const recording = await recorded({ strategy: moody, coordinator, churn: { everyMs: 5_000, awayMs: 4_000 } })
    expect(replayDecisions(recording, { strategy: moody() }).changed).toEqual([])
    // Without its memory, or with other luck, it does not.
    const forgetful = { ...recording, strategies: recording.strategies.map(({ name }) => ({ name })) }
    expect(replayDecisions(forgetful, { strategy: moody() }).same).toBeLessThan(decisionsIn(recording))
    const seeded = replayDecisions(recording, { strategy: moody(), seed: 9 })
    expect(seeded.same).toBeLessThan(decisionsIn(recording) * 0.9)
    expect(replayDecisions(recording, { strategy: moody(), seed: 9 })).toEqual(seeded)
  })

  it('repeats decisions in which the strategy broke and the fallback decided', async () => {
    const broken = (): RoutingStrategy => {
      let asked = 0
      return {
        name: 'flaky',
        select({ candidates }) {
          if (++asked % 3 === 0) throw new Error('no')
          return candidates[0]
        },
      }
    }
    const recording = await recorded({ strategy: broken })
    const report = replayDecisions(recording, { strategy: broken() })
    expect(report.changed).toEqual([])
    expect(report.broken).toBe(Math.floor(report.decisions / 3))
    expect(report.caveats.join()).toContain('round_robin decided those')
  })

  it('compares shares, latency, failures and cost with another strategy', async () => {
    const recording = await recorded({ strategy: 'round_robin' })
    const report = replayDecisions(recording, { strategy: 'least_busy' })
    expect(report).toMatchObject({ by: 'round_robin', strategy: 'least_busy', broken: 0, sampled: 0 })
    expect(report.same + report.changed.length).toBe(report.decisions)
    expect(report.same).toBeLessThan(report.decisions)
    for (const side of ['recorded', 'replayed'] as const)
      expect(report.agents.reduce((sum, agent) => sum + agent[side], 0)).toBeCloseTo(1)
    expect(report.expectedFailures.replayed).toBeLessThan(report.expectedFailures.recorded)
    expect(report.outcomes.known).toBeGreaterThan(390)
    expect(report.outcomes.failed).toBeGreaterThan(10)
    expect(report.caveats[0]).toContain('simulateLoad can try it out')
    expect(String(report)).toMatch(/expected failures +\d/)
  })

  it('counts what the choices cost and how long they should have taken, by the numbers of the moment', () => {
    const router = new Router({ strategy: 'round_robin', recordDecisions: { maxDecisions: 10 } })
    const cheap = { id: 'cheap', cost: 1, latencyMs: 3_000, successRate: 0.5, inFlight: 1, maxConcurrentTasks: 2 }
    const dear = { id: 'dear', cost: 5, latencyMs: 1_000, maxConcurrentTasks: 2 }
    for (let i = 0; i < 4; i++) router.route({ id: `t${i}` }, [cheap, dear])
    const report = replayDecisions(router.recording() as DecisionRecording, { strategy: 'least_busy' })
    expect(report).toMatchObject({
      agents: expect.arrayContaining([
        { agent: 'cheap', recorded: 0.5, replayed: 0 },
        { agent: 'dear', recorded: 0.5, replayed: 1 },
      ]),
      expectedLatencyMs: { recorded: 2_000, replayed: 1_000 },
      expectedFailures: { recorded: 1, replayed: 0 },
      cost: { recorded: 12, replayed: 20 },
      outcomes: { known: 0, failed: 0 },
      same: 2,
    })
    expect(String(report).split('\n')).toEqual([
      '4 decisions of round_robin, decided again by least_busy',
      '2 came out the same (50.0 %).',
      '',
      expect.stringMatching(/^agent +recorded +replayed$/),
      expect.stringMatching(/^(cheap|dear) +50\.0 % +/),
      expect.stringMatching(/^(cheap|dear) +50\.0 % +/),
      '',
      expect.stringMatching(/^expected latency +2 s +1 s$/),
      expect.stringMatching(/^expected failures +1 +0$/),
      expect.stringMatching(/^cost +12 +20$/),
      '',
      'No attempt had ended when the recording was made.',
      expect.stringMatching(/^- Each decision met the pool as it was recorded/),
    ])
  })

  it('has a marked sample of a pool beyond 64', () => {
    const router = new Router({ strategy: 'least_busy', recordDecisions: { maxDecisions: 10 } })
    const agents = Array.from({ length: 200 }, (_, i) => ({
      id: `a${i}`,
      inFlight: (i * 7) % 5,
      maxConcurrentTasks: 6,
    }))
    for (let i = 0; i < 5; i++) router.route({}, agents)
    const recording = router.recording() as DecisionRecording
    for (const entry of recording.entries) {
      if (entry.kind !== 'decision') throw new Error('no result was told')
      expect([entry.sampled, entry.able, entry.candidates.length / 2]).toEqual([true, 200, 64])
    }
    const report = replayDecisions(recording)
    expect([report.same, report.sampled]).toEqual([5, 5])
    expect(report.caveats.join()).toContain('5 of 5 decisions only a sample')
  })

  it('holds at most as many decisions as it may, and nothing at all when it is off', () => {
    const router = new Router({ strategy: 'round_robin', recordDecisions: { maxDecisions: 16 } })
    for (let i = 0; i < 100; i++) {
      router.route({ id: `t${i}` }, [{ id: 'a' }, { id: 'b' }])
      const recording = router.recording() as DecisionRecording
      expect(decisionsIn(recording)).toBeLessThanOrEqual(16)
      expect(decisionsIn(recording)).toBeGreaterThanOrEqual(Math.min(i + 1, 14))
      const [last] = recording.entries.slice(-1)
      expect(last?.task.id).toBe(`t${i}`)
      expect(replayDecisions(recording).changed).toEqual([])
    }
    expect(new Router().recording()).toBeUndefined()
  })

  it('says what is wrong with a recording, an option, a strategy', async () => {
    const code = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        return isBatutaError(error) ? error.code : error
      }
      return undefined
    }
    for (const bad of [undefined, 3, {}, { format: 'batuta.decisions/9' }, { format: 'batuta.decisions/1' }])
      expect(code(() => replayDecisions(bad as never))).toBe('OPTIONS_INVALID')
    for (const maxDecisions of [0, -1, 1.5, Number.NaN, undefined])
      expect(code(() => new Router({ recordDecisions: { maxDecisions } as never }))).toBe('OPTIONS_INVALID')
    const router = new Router({ recordDecisions: { maxDecisions: 1 } })
    expect(code(() => replayDecisions(router.recording() as never, { strategy: 'leest_busy' as never }))).toBe(
      'STRATEGY_UNKNOWN',
    )
  })

  it('survives a strategy that can not say what it remembers, and tells of it', () => {
    const told: string[] = []
    const strategy: RoutingStrategy = {
      name: 'shy',
      select: ({ candidates }) => candidates[0],
      snapshot: () => {
        throw new Error('mind your own business')
      },
    }
    const router = new Router({
      strategy,
      recordDecisions: { maxDecisions: 4 },
      onError: ({ code }) => told.push(code),
    })
    expect(router.route({}, [{ id: 'a' }]).agent).toBe('a')
    expect(told).toEqual(['STRATEGY_BROKEN'])
    expect((router.recording() as DecisionRecording).strategies).toEqual([{ name: 'shy' }])
  })
})
