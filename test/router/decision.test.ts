import { describe, expect, it } from 'vitest'
import { DecisionLog } from '../../src/router/decision-log.js'
import { Roster } from '../../src/router/roster.js'
import { Router } from '../../src/router/router.js'
import type { RoutableTask } from '../../src/router/routing-strategy.js'
import { balanced } from '../../src/router/strategies/balanced.js'
import { STRATEGY_NAMES } from '../../src/router/strategies/strategy-by-name.js'

const task = (id: string): RoutableTask => ({
  id,
  type: 'quote',
  requires: [],
  tenant: 'default',
  priority: 'normal',
  attempts: 0,
})

function team(agents: number) {
  const roster = new Roster()
  const pool = roster.pool('task:quote:')
  for (let i = 0; i < agents; i++) {
    const load = roster.add({ instanceId: `i${i}`, agentId: `agent-${i}`, capacity: 4, cost: i % 3 })
    pool.join(load)
    if (i % 2 === 0) load.record('quote', 'success', 100 + i, 0)
  }
  return { roster, pool }
}

describe('a decision', () => {
  it.each(STRATEGY_NAMES)('of %s is true of its moment, whatever happens later', (strategy) => {
    const { roster, pool } = team(10)
    const router = new Router({ strategy })
    const { decision } = router.decide(task('t'), pool)
    const twin = new Router({ strategy }).route(task('t'), [])
    expect(twin.agent).toBeUndefined()
    const live = [...roster.instances()].map(({ instanceId, inFlight, capacity, successRate }) => [
      instanceId,
      { inFlight, capacity, successRate },
    ])
    const before = new Map(live as [string, object][])
    for (const load of roster.instances()) {
      load.assign(roster.nextSequence())
      load.record('quote', 'failure', 1, 0)
      load.record('quote', 'success', 9_000, 0)
    }
    roster.remove(roster.get('i0') as never)
    for (const { instance, inFlight, capacity, successRate, latencyMs } of decision.candidates) {
      expect({ inFlight, capacity, successRate }).toEqual(before.get(instance))
      expect(latencyMs ?? 0).toBeLessThan(200)
    }
    expect(decision.candidates[0]?.instance).toBe(decision.instance)
  })

  it('shows at most 16, and everybody in a small team', () => {
    const router = new Router()
    for (const [agents, shown] of [
      [1, 1],
      [16, 16],
      [17, 8],
      [1_000, 8],
    ] as const)
      expect(router.decide(task('t'), team(agents).pool).decision.candidates.length).toBe(shown)
    expect(router.decide(task('t'), team(40).pool, { strategy: 'balanced' }).decision.candidates.length).toBe(16)
    expect(router.decide(task('t'), team(400).pool, { strategy: 'balanced' }).decision.candidates.length).toBe(2)
    expect(router.decide(task('t'), team(400).pool, { strategy: 'round_robin' }).decision.candidates.length).toBe(1)
  })

  it('has scores for all it compared, the winner first and lowest', () => {
    const { decision } = new Router({ strategy: 'balanced' }).decide(task('t'), team(12).pool)
    const scores = decision.candidates.map(({ score }) => score as number)
    expect(scores.length).toBe(12)
    expect(scores).toEqual([...scores].sort((a, b) => a - b))
    for (const { score, terms } of decision.candidates)
      expect(Object.values(terms ?? {}).reduce((sum, term) => sum + term, 0)).toBe(score)
    expect(decision.score).toBe(scores[0])
  })

  it('reads well in a terminal', () => {
    const agents = [
      { id: 'quotes', inFlight: 1, maxConcurrentTasks: 5, latencyMs: 120 },
      { id: 'pricing-europe', inFlight: 3, maxConcurrentTasks: 5, latencyMs: 1_250, successRate: 0.9 },
      { id: 'busy', inFlight: 1 },
      { id: 'mailer', types: ['mail'] },
    ]
    const text = String(new Router().route({ id: 't-42', type: 'price_quote' }, agents))
    expect(text).toBe(
      [
        'Task t-42 (price_quote) -> quotes (least_busy)',
        'quotes won over pricing-europe: 1 of 5 slots taken against 3 of 5, 100 % success against 90 %.',
        '',
        '   agent           score   load  failures  slots  success  latency',
        '>  quotes          0.300  0.300     0.000    1/5    100 %   120 ms',
        '   pricing-europe  0.778  0.700     0.078    3/5     90 %    1.3 s',
        '',
        'Out of the question: 1 full, 1 of other types',
      ].join('\n'),
    )
  })

  it('says what spoke against the winner, and only what counts', () => {
    const agents = [
      { id: 'cheap', inFlight: 3, maxConcurrentTasks: 4, latencyMs: 9_000, cost: 0.1 },
      { id: 'dear', inFlight: 1, maxConcurrentTasks: 4, latencyMs: 300, cost: 7 },
    ]
    const strategy = balanced({ load: 0.1, latency: 0.001, failures: 0, cost: 0.9 })
    const text = String(new Router({ strategy }).route({ id: 't', attempts: 2 }, agents))
    expect(text.split('\n').slice(0, 2)).toEqual([
      'Task t, attempt 3 -> cheap (balanced)',
      'cheap won over dear: a cost of 0.1 against 7, in spite of 3 of 4 slots taken against 1 of 4.',
    ])
  })

  it('names a weight where agents are not given all of their capacity', () => {
    const text = String(new Router().route({}, [{ id: 'old' }, { id: 'new', weight: 0.25 }]))
    expect(text).toContain('old won over new: load 0.500 against 2.000.')
    expect(text).toMatch(/success {2}weight\n> {2}old .* - *\n {3}new .*0\.25/)
  })

  it('says who waited longest when scores are equal, and who was alone', () => {
    const router = new Router()
    const agents = ['a', 'b', 'c'].map((id, i) => ({ id, lastAssigned: 3 - i }))
    expect(String(router.route({}, agents.slice(0, 2)))).toContain(
      'b won: it scored the same as a and had waited longest for work.',
    )
    expect(String(router.route({}, agents))).toContain('c won: it scored the same as 2 others')
    expect(String(router.route({}, [{ id: 'a' }]))).toContain('a was the only one who could take it.')
    expect(String(router.route({}, [{ id: 'a' }, { id: 'b' }], { strategy: 'round_robin' }))).toMatch(
      /It was the turn of [ab], one of 2 who could take it\.[\s\S]*and 1 more who could take it/,
    )
  })

  it('says what strategies go by that do not weigh', () => {
    const agents = [{ id: 'a' }, { id: 'b' }]
    const sentence = (strategy: string, task = {}) =>
      String(new Router({ strategy: strategy as never }).route(task, agents)).split('\n')[1]
    expect(sentence('weighted_round_robin')).toMatch(/^It was the turn of [ab], one of 2 who could take it\.$/)
    expect(sentence('random')).toMatch(/^The lot fell on [ab], one of 2/)
    expect(sentence('consistent_hash')).toMatch(/^The task's key leads to [ab], one of 2/)
    const router = new Router({ strategy: 'sticky' })
    const { agent } = router.route({ sessionId: 's' }, agents)
    expect(String(router.route({ sessionId: 's' }, agents)).split('\n')[1]).toBe(
      `${agent} had the session or key before, one of 2 who could take it.`,
    )
    const slow = { id: 'slow', latencyMs: 9_000 }
    expect(String(new Router({ strategy: 'peak_ewma' }).route({}, [slow, { id: 'quick', latencyMs: 30 }]))).toContain(
      'quick won over slow: a wait of 30 ms against 9 s.',
    )
  })

  it('tells instances of one agent apart', () => {
    const text = String(
      new Router().route(
        {},
        [1, 2].map((n) => ({ id: 'a', ownerId: `n${n}`, inFlight: n, maxConcurrentTasks: 3 })),
      ),
    )
    expect(text).toContain('-> a (least_busy)\na@n1 won over a@n2: 1 of 3 slots taken against 2 of 3.')
  })

  it('can be sent as JSON', () => {
    const decision = new Router().route({ id: 't' }, [{ id: 'a' }])
    expect(JSON.parse(JSON.stringify(decision))).toMatchObject({ taskId: 't', agent: 'a', score: 0.5, refusals: [] })
  })
})

describe('DecisionLog', () => {
  it('keeps the last decisions, and finds the latest about a task', () => {
    const router = new Router({ keepDecisions: 3 })
    const { pool } = team(2)
    const first = router.decide(task('a'), pool).decision
    const second = router.decide(task('a'), pool).decision
    router.decide(task('b'), pool)
    expect(router.decisions.find({ task: 'a' })).toEqual([second, first])
    router.decide(task('c'), pool)
    expect([...router.decisions.recent()].map(({ taskId }) => taskId)).toEqual(['c', 'b', 'a'])
    expect([...router.decisions.recent()]).not.toContain(first)
    router.decide(task('d'), pool)
    expect(router.decisions.find({ task: 'a' })).toEqual([])
    expect(router.decisions.size).toBe(3)
  })

  it('keeps none when told so', () => {
    const log = new DecisionLog(0)
    log.add(new Router().route({}, []))
    expect([...log.recent()]).toEqual([])
  })
})
