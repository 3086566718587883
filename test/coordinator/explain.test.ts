import { defineTask, type PendingReason, type TaskHandle } from 'batuta'
import { describe, expect, it } from 'vitest'
import { gate, startApp } from '../support/app.js'

const fails = (): never => {
  throw new Error('no')
}

type World = Awaited<ReturnType<typeof startApp>>

/** The reasons that a pending task gives, and their text. */
async function reasons(
  { until }: World,
  task: TaskHandle,
): Promise<{ pending: readonly PendingReason[]; text: string }> {
  const explanation = await until(task.explain())
  expect(explanation.status).toBe('pending')
  return { pending: explanation.pending, text: String(explanation) }
}

const submit = (world: World, task: object = {}) => world.until(world.app.submit({ type: 'x', ...task }))

describe('explain() of a pending task', () => {
  it('scheduled', async () => {
    const world = await startApp()
    const until = new Date(world.clock.now() + 5_000)
    const { pending, text } = await reasons(world, await submit(world, { runAt: until }))
    expect(pending).toEqual([{ kind: 'scheduled', until }])
    expect(text).toContain(`scheduled for ${until.toISOString()}`)
  })

  it('backing_off', async () => {
    const world = await startApp({ random: { next: () => 0.5 } })
    world.app.agent('any', { handler: fails })
    const task = await submit(world)
    await world.clock.advance(10)
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([{ kind: 'backing_off', until: new Date(world.clock.now() + 490), attempt: 1 }])
    expect(text).toMatch(/Attempt 1 on any {2}failed {2}after 0 ms {2}no/)
  })

  it('retry_budget', async () => {
    const world = await startApp({ retryBudget: { ratio: 0, floorPerSecond: 0.01 }, random: { next: () => 0 } })
    world.app.agent('any', { handler: fails })
    const tasks = [await submit(world), await submit(world)]
    await world.clock.advance(20)
    const kinds = []
    for (const task of tasks) kinds.push((await reasons(world, task)).pending[0]?.kind)
    expect(kinds).toEqual(['retry_budget', 'retry_budget'])
  })

  it('last_retry', async () => {
    const world = await startApp({ random: { next: () => 0 }, breaker: false, ejection: false })
    let isDown = false
    world.app.agent('any', { handler: () => (isDown ? fails() : 'done') })
    await world.until(world.app.run({ type: 'x' }))
    isDown = true
    const tasks = [await submit(world), await submit(world)]
    await world.clock.advance(20)
    const { pending, text } = await reasons(world, tasks[1] as TaskHandle)
    expect(pending).toMatchObject([{ kind: 'last_retry', taskType: 'x' }])
    expect(text).toContain('Its last retry is kept back until')
    isDown = false
    await world.clock.advance(60_000)
    for (const task of tasks) expect(await world.until(task.result())).toBe('done')
  })

  it('waiting, behind which task', async () => {
    const world = await startApp()
    const done = gate()
    world.app.agent('slow', { maxConcurrentTasks: 5, handler: () => done.opened })
    const first = await submit(world, { orderingKey: 'k' })
    const { pending, text } = await reasons(world, await submit(world, { orderingKey: 'k' }))
    expect(pending).toEqual([{ kind: 'waiting', taskId: first.id, orderingKey: 'k' }])
    expect(text).toContain(`behind task ${first.id}`)
    const inSession = await submit(world, { sessionId: 's' })
    const next = await reasons(world, await submit(world, { sessionId: 's' }))
    expect(next.pending).toEqual([{ kind: 'waiting', taskId: inSession.id, sessionId: 's' }])
    done.open()
  })

  it('no_capability and no_handler, with what was probably meant', async () => {
    const world = await startApp()
    const typed = defineTask('price_quote')
    world.app.agent('quotes', { capabilities: ['price_calculation'], handlers: [typed.handler(() => 1)] })
    const task = await submit(world, { type: 'price_qoute', requires: ['price_calculaton'] })
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([
      { kind: 'no_capability', capability: 'price_calculaton', didYouMean: 'price_calculation' },
      { kind: 'no_handler', taskType: 'price_qoute', didYouMean: 'price_quote' },
    ])
    expect(text).toContain('Did you mean "price_calculation"?')
  })

  it('no_agent_has_all', async () => {
    const world = await startApp()
    for (const capability of ['a', 'b']) world.app.agent(capability, { capabilities: [capability], handler: fails })
    const { pending, text } = await reasons(world, await submit(world, { requires: ['b', 'a'] }))
    expect(pending).toEqual([{ kind: 'no_agent_has_all', capabilities: ['a', 'b'] }])
    expect(text).toContain('No single agent known here has all of: a, b')
  })

  it('no_agent: the fallback agent is not here', async () => {
    const world = await startApp({ retry: false })
    world.app.agent('any', { handler: fails })
    const task = await submit(world, { fallbackAgents: ['anyy'] })
    await world.clock.advance(10)
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([{ kind: 'no_agent', agentId: 'anyy', didYouMean: 'any' }])
    expect(text).toContain('"anyy" is not known here')
  })

  it('all_busy', async () => {
    const world = await startApp()
    const done = gate()
    for (const id of ['a', 'b']) world.app.agent(id, { handler: () => done.opened })
    await submit(world)
    await submit(world)
    const { pending, text } = await reasons(world, await submit(world))
    expect(pending).toEqual([{ kind: 'all_busy', agents: 2 }])
    expect(text).toContain('All 2 agents that can take it are busy')
    done.open()
  })

  it('all_away: paused, draining, or not polling', async () => {
    const world = await startApp()
    for (const id of ['a', 'b']) world.app.agent(id, { handler: fails })
    world.app.agent('c', { accepts: ['x'] })
    world.app.pause('a')
    await world.until(world.app.drain('b'))
    const { pending, text } = await reasons(world, await submit(world))
    expect(pending).toEqual([{ kind: 'all_away', agents: 3, statuses: { paused: 1, draining: 1, offline: 1 } }])
    expect(text).toContain('1 paused')
  })

  it('limit_reached', async () => {
    const limited = defineTask('limited', { maxConcurrentTasks: 1 })
    const world = await startApp()
    const done = gate()
    world.app.agent('any', { maxConcurrentTasks: 5, handlers: [limited.handler(() => done.opened)] })
    await world.until(world.app.submit(limited, undefined))
    await world.clock.settle()
    const task = await world.until(world.app.submit(limited, undefined))
    await world.clock.settle()
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([{ kind: 'limit_reached', taskType: 'limited', limit: 1 }])
    expect(text).toContain('As many tasks of type "limited" run as may: 1')
    done.open()
  })

  it('excluded: it failed on who is free, and waits for who is busy', async () => {
    const world = await startApp({ random: { next: () => 0.5 } })
    const done = gate()
    world.app.agent('broken', { capabilities: ['c'], handler: fails })
    const task = await submit(world, { requires: ['c'] })
    world.app.agent('busy', { capabilities: ['c', 'other'], handler: () => done.opened })
    await submit(world, { requires: ['other'] })
    await world.clock.advance(600)
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([{ kind: 'excluded', agents: 1 }])
    expect(text).toContain('waits for another agent')
    done.open()
  })

  it('strategy_declined', async () => {
    const world = await startApp({ router: { name: 'picky', select: () => undefined } })
    world.app.agent('any', { handler: fails })
    const task = await submit(world)
    await world.clock.settle()
    const { pending, text } = await reasons(world, task)
    expect(pending).toEqual([{ kind: 'strategy_declined', strategy: 'picky' }])
    expect(text).toContain('"picky" wanted none')
  })

  it('node_not_claiming', async () => {
    const world = await startApp()
    const done = gate()
    world.app.agent('slow', { handler: () => done.opened })
    await submit(world)
    const task = await submit(world)
    const stopping = world.app.shutdown({ graceMs: 10_000 })
    const { pending, text } = await reasons(world, task)
    expect(pending.map(({ kind }) => kind)).toContain('node_not_claiming')
    expect(text).toContain('claims nothing at present')
    done.open()
    await world.until(stopping)
  })

  it('queued', async () => {
    // An engine that has lost all its references, and has not refilled its window yet.
    const nothing = { start: async () => undefined, offer: () => undefined, finish: () => undefined }
    const engine = { name: 'empty', ...nothing, want: () => [], stop: async () => undefined }
    const world = await startApp({ engine })
    const limited = defineTask('limited', { maxConcurrentTasks: 1 })
    world.app.agent('any', { handlers: [limited.handler(fails)] })
    const task = await world.until(world.app.submit(limited, undefined))
    expect((await reasons(world, task)).pending).toEqual([{ kind: 'queued' }])
  })
})

describe('explain() of a task that started', () => {
  it('shows who was compared, the score terms, and who was refused and why', async () => {
    const world = await startApp({ router: 'balanced' })
    const { app, until } = world
    for (const id of ['a', 'b', 'c']) app.agent(id, { handler: () => 1 })
    app.pause('c')
    const { task, explain } = await until(app.run({ type: 'x' }))
    const explanation = await until(explain())
    expect(explanation).toMatchObject({ status: 'completed', pending: [], asOf: expect.any(Date) })
    const [decision] = explanation.decisions
    expect(decision?.strategy).toBe('balanced')
    expect(decision?.agent).toBe(task.attempts[0]?.agentId)
    expect(decision?.candidates.map(({ agent }) => agent).sort()).toEqual(['a', 'b'])
    for (const { score, terms } of decision?.candidates ?? []) {
      const sum = Object.values(terms ?? {}).reduce((total, term) => total + term, 0)
      expect(sum).toBeCloseTo(score ?? Number.NaN)
    }
    expect(decision?.refusals).toEqual([{ reason: 'paused', count: 1 }])
    expect(String(explanation)).toMatch(/paused/)
  })

  it('has a decision for each attempt, oldest first', async () => {
    const world = await startApp({ router: 'round_robin' })
    world.app.agent('a', { handler: (_, ctx) => (ctx.attempt === 1 ? fails() : 'a') })
    const { explain } = await world.until(world.app.run({ type: 'x' }))
    const explanation = await world.until(explain())
    expect(explanation.decisions).toHaveLength(2)
    expect(explanation.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'completed'])
    expect(explanation.decisions.map(({ attempt }) => attempt)).toEqual([1, 2])
    expect(String(explanation).split('\n').slice(1, 3)).toEqual([
      '  Attempt 1 on a  failed     after 0 ms  no',
      '  Attempt 2 on a  completed  after 0 ms',
    ])
  })
})
