import { isBatutaError, roundRobin } from 'batuta'
import { type ServiceTime, type SimulateLoadOptions, simulateLoad } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { quantilesOf } from '../../src/testing/simulate-load/load-report.js'
import { drawServiceTime, meanOf } from '../../src/testing/simulate-load/service-time.js'

const team = (agents: number, slots = 2) => Array.from({ length: agents }, () => ({ maxConcurrentTasks: slots }))

describe('service times', () => {
  const KINDS: readonly ServiceTime[] = [
    250,
    { kind: 'constant', ms: 250 },
    { kind: 'exponential', meanMs: 1_000 },
    { kind: 'lognormal', meanMs: 1_000, sigma: 1 },
    { kind: 'pareto', meanMs: 1_000, shape: 2.5 },
    { kind: 'bimodal', fastMs: 100, slowMs: 10_000, slowShare: 0.1 },
  ]

  it.each(KINDS)('%j has the mean that it says', (time) => {
    const random = seededRandom(7)
    let sum = 0
    for (let i = 0; i < 200_000; i++) sum += drawServiceTime(time, random)
    expect(sum / 200_000 / meanOf(time)).toBeGreaterThan(0.97)
    expect(sum / 200_000 / meanOf(time)).toBeLessThan(1.03)
  })

  it('have the tails of their kind', () => {
    const p99 = (time: ServiceTime) => {
      const random = seededRandom(3)
      return quantilesOf(Array.from({ length: 100_000 }, () => drawServiceTime(time, random))).p99
    }
    // By the distribution functions: -ln(0.01); exp(2.326 s - s^2/2); (shape - 1)/shape * 0.01^(-1/shape).
    expect(p99({ kind: 'exponential', meanMs: 1 })).toBeCloseTo(4.61, 0)
    expect(p99({ kind: 'lognormal', meanMs: 1, sigma: 1 }) / 6.21).toBeCloseTo(1, 1)
    expect(p99({ kind: 'pareto', meanMs: 1, shape: 2 }) / 5).toBeCloseTo(1, 1)
    expect(p99({ kind: 'bimodal', fastMs: 1, slowMs: 50, slowShare: 0.02 })).toBe(50)
  })
})

describe('quantiles', () => {
  it('are those of rank ceil(q n)', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(quantilesOf(values)).toEqual({ mean: 50.5, p50: 50, p95: 95, p99: 99, max: 100 })
    expect(quantilesOf([7])).toEqual({ mean: 7, p50: 7, p95: 7, p99: 7, max: 7 })
    expect(quantilesOf([])).toEqual({ mean: 0, p50: 0, p95: 0, p99: 0, max: 0 })
  })
})

describe('simulateLoad', () => {
  it('gives the same report for the same seed, and another one for another', async () => {
    const options: SimulateLoadOptions = {
      agents: [...team(3), { fails: { rate: 0.3 } }],
      workload: { tasks: 400, load: 0.7 },
      churn: { everyMs: 9_000, awayMs: 4_000 },
      strategy: 'balanced',
    }
    const report = await simulateLoad({ ...options, seed: 5 })
    expect(await simulateLoad({ ...options, seed: 5 })).toEqual(report)
    expect(await simulateLoad({ ...options, seed: 6 })).not.toEqual(report)
    expect(report.completed + report.failed).toBe(400)
  })

  it('agrees with the theory of one queue and c slots (Erlang C)', async () => {
    // M/M/4 at 60 %: P(wait) = 0.287, mean wait = P(wait) / (c (1 - load)) service times = 0.1794.
    const workload = { load: 0.6, tasks: 4_000, service: { kind: 'exponential', meanMs: 1_000 } } as const
    const { waitMs, sojournMs } = await simulateLoad({ agents: team(2), workload, seed: 4 })
    expect(waitMs.mean / 179.4).toBeGreaterThan(0.8)
    expect(waitMs.mean / 179.4).toBeLessThan(1.2)
    expect(sojournMs.mean - waitMs.mean).toBeCloseTo(1_000, -2)
  })

  it('lets the same tasks arrive whatever the strategy, evenly, at random or in bursts', async () => {
    const agents = team(50)
    const workload = { perSecond: 10, durationMs: 60_000, service: 1 }
    const constant = await simulateLoad({ agents, workload: { ...workload, arrivals: 'constant' } })
    expect([constant.tasks, constant.waitMs.max]).toEqual([599, 0])
    const poisson = await simulateLoad({ agents, workload })
    expect(poisson.tasks).toBeGreaterThan(500)
    expect(poisson.tasks).toBeLessThan(700)
    expect((await simulateLoad({ agents, workload, strategy: 'round_robin' })).tasks).toBe(poisson.tasks)
    const bursts = await simulateLoad({
      agents: team(1),
      workload: { ...workload, service: 5, arrivals: { burst: 20 } },
    })
    expect(bursts.tasks % 20).toBe(0)
    // The twentieth of a burst waits for nine before it on each of two slots.
    expect(bursts.waitMs.max).toBeGreaterThanOrEqual(45)
  })

  it('tells agents apart: speed, a slow stretch, types, late joiners and early leavers', async () => {
    const { agents, completed, tasks } = await simulateLoad({
      agents: [
        { id: 'normal' },
        { id: 'fast', speed: 4 },
        { id: 'slow', slow: { factor: 5 } },
        { id: 'late', joinsAtMs: 150_000 },
        { id: 'early', leavesAtMs: 150_000 },
        { id: 'letters', types: ['letter'] },
      ],
      workload: { load: 0.9, durationMs: 300_000, types: [{ type: 'parcel', share: 9 }, { type: 'letter' }] },
      strategy: 'least_busy',
    })
    expect(completed).toBe(tasks)
    const attempts = Object.fromEntries(agents.map((agent) => [agent.id, agent.attempts]))
    const { normal = 0, fast = 0, slow = 0, late = 0, early = 0, letters = 0 } = attempts
    expect(fast).toBeGreaterThan(2 * normal)
    expect(slow).toBeLessThan(normal / 2)
    expect(late).toBeLessThan(0.8 * normal)
    expect(early).toBeLessThan(0.8 * normal)
    expect(letters).toBeLessThanOrEqual(tasks * 0.13)
    expect(agents.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })

  it('makes agents fail in each way, for a time or for a type', async () => {
    const retry = { maxRetries: 5, minDelayMs: 10 }
    const run = (fails: NonNullable<SimulateLoadOptions['agents'][number]['fails']>) =>
      simulateLoad({
        agents: [{ id: 'bad', fails, maxConcurrentTasks: 2 }, ...team(3)],
        workload: {
          load: 0.3,
          durationMs: 120_000,
          types: ['a', 'b'].map((type) => ({ type, definition: { retry, timeoutMs: 20_000 } })),
        },
        coordinator: { retryBudget: { floorPerSecond: 1_000 } },
        strategy: 'round_robin',
      })
    for (const how of ['throw', 'wrong_shape'] as const) {
      const { agents, failed, tasks, attempts } = await run({ how })
      expect(agents[0]?.failed).toBe(agents[0]?.attempts)
      expect(agents[0]?.completed).toBe(0)
      expect(failed).toBe(0)
      expect(attempts).toBe(tasks + (agents[0]?.failed ?? 0))
    }
    const hanging = await run({ how: 'hang' })
    expect(hanging.sojournMs.max).toBeGreaterThan(20_000)
    expect(hanging.failed).toBe(0)
    const half = await run({ rate: 0.5 })
    expect((half.agents[0]?.failed ?? 0) / (half.agents[0]?.attempts ?? 0)).toBeCloseTo(0.5, 0)
    const ofType = await run({ type: 'a' })
    expect(ofType.agents[0]?.failed).toBeGreaterThan(10)
    expect(ofType.agents[0]?.completed).toBeGreaterThan(10)
    const outage = await run({ fromMs: 30_000, untilMs: 60_000 })
    expect(outage.agents[0]?.failed).toBeGreaterThan(3)
    expect(outage.agents[0]?.completed).toBeGreaterThan(outage.agents[0]?.failed ?? 0)
  })

  it('runs several nodes over one storage, each with the team', async () => {
    const report = await simulateLoad({ agents: team(4), workload: { load: 0.7, tasks: 1_000 }, nodes: 3 })
    expect(report.completed).toBe(1_000)
    expect(report.offeredPerSecond).toBeCloseTo(0.7 * 4 * 2 * 3)
    for (const { share } of report.agents) expect(share).toBeCloseTo(0.25, 1)
  })

  it('counts what came after the warm-up, what was refused, and what was not over', async () => {
    const after = await simulateLoad({
      agents: team(2),
      workload: { perSecond: 1, durationMs: 100_000, arrivals: 'constant', warmupMs: 50_000 },
    })
    expect(after.tasks).toBe(50)
    const refusing = await simulateLoad({
      agents: team(1),
      workload: { tasks: 50, types: [{ type: 'a' }, { type: 'b', definition: { requires: ['wings'] } }] },
      coordinator: { strict: true },
    })
    expect(refusing.refused.CAPABILITY_UNKNOWN).toBe(50 - refusing.completed)
    expect(refusing.completed).toBeGreaterThan(15)
    const hopeless = await simulateLoad({
      agents: [{ types: ['a'] }],
      workload: { tasks: 20, types: [{ type: 'a', share: 1e-9 }, { type: 'b' }] },
      drainMs: 60_000,
    })
    expect([hopeless.completed, hopeless.unfinished, hopeless.attempts]).toEqual([0, 20, 0])
    const broken = () => ({ name: 'broken', select: () => ({}) as never })
    expect(
      (await simulateLoad({ agents: team(1), workload: { tasks: 9 }, strategy: broken })).fallbacks,
    ).toBeGreaterThan(0)
  })

  it('reads well in a terminal', async () => {
    const agents = [
      { id: 'quotes', maxConcurrentTasks: 3 },
      { id: 'down', fails: {} },
    ]
    const workload = { tasks: 40, arrivals: 'constant', perSecond: 1, service: 300 } as const
    const report = await simulateLoad({ agents, workload, strategy: () => roundRobin() })
    expect(String(report).split('\n')).toEqual([
      expect.stringMatching(/^round_robin: 40 tasks in 4\d(\.\d)? s \(seed 1\)$/),
      expect.stringMatching(/^40 completed; \d+ attempts; \d\.\d of 1\.0 tasks\/s$/),
      '',
      expect.stringMatching(/^ +mean +p50 +p95 +p99 +max$/),
      expect.stringMatching(/^wait +0 ms +0 ms/),
      expect.stringMatching(/^sojourn .* s$/),
      '',
      expect.stringMatching(/^agent +attempts +share +failed +busy$/),
      expect.stringMatching(/^quotes +40 +\d+\.\d % +0 +\d+\.\d %$/),
      expect.stringMatching(/^down +(\d+) +\d+\.\d % +\1 +\d\.\d %$/),
    ])
  })

  it('says everything that is wrong with its options', async () => {
    const bad = {
      agents: [{ speed: 0, types: ['wrok'], fails: { rate: 2, how: 'explode' } }],
      workload: { load: -1, perSecond: 3, service: { kind: 'pareto', meanMs: 5, shape: 1 }, arrivals: { burst: 0 } },
      nodes: 99,
      churn: {},
      seeds: 3,
    }
    const error = await simulateLoad(bad as never).catch((thrown: unknown) => thrown)
    if (!isBatutaError(error, 'OPTIONS_INVALID')) throw error
    expect(error.data.issues.map(({ path }) => path.join('.'))).toEqual([
      'seeds',
      'agents.0.speed',
      'agents.0.types.0',
      'agents.0.fails.rate',
      'agents.0.fails.how',
      'nodes',
      'churn.everyMs',
      'churn.awayMs',
      'workload.load',
      'workload.perSecond',
      'workload.arrivals.burst',
      'workload.service.shape',
    ])
    for (const empty of [{}, { agents: [] }]) await expect(simulateLoad(empty as never)).rejects.toThrow('agents')
  })
})
