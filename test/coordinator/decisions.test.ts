import { type BatutaError, createOrchestrator, Router } from 'batuta'
import { describe, expect, it } from 'vitest'
import { failureOf, startApp } from '../support/app.js'

async function worldWithDecisions() {
  const world = await startApp({ decisions: 5, router: 'round_robin' })
  for (const id of ['a', 'b']) world.app.agent(id, { handler: () => 1 })
  const ids: string[] = []
  for (let i = 0; i < 6; i++) {
    const { task } = await world.until(world.app.run({ type: 't' }))
    ids.push(task.id)
    await world.clock.advance(1_000)
  }
  return { ...world, ids }
}

describe('decisions()', () => {
  it('gives the last ones, newest first, on the app and on its coordinator', async () => {
    const { app, ids } = await worldWithDecisions()
    expect(app.decisions().map(({ taskId }) => taskId)).toEqual(ids.slice(1).reverse())
    expect(app.coordinator.decisions({ limit: 2 }).map(({ taskId }) => taskId)).toEqual([ids[5], ids[4]])
  })

  it('filters by task, by the agent that was chosen, and by time', async () => {
    const { app, ids, clock } = await worldWithDecisions()
    expect(app.decisions({ task: ids[3] }).map(({ taskId }) => taskId)).toEqual([ids[3]])
    expect(app.decisions({ task: ids[0] })).toEqual([])
    const ofB = app.decisions({ agent: 'b' })
    expect(ofB.length).toBeGreaterThanOrEqual(2)
    expect(ofB.every(({ agent }) => agent === 'b')).toBe(true)
    expect(app.decisions({ agent: 'a' }).length + ofB.length).toBe(5)
    const since = clock.now() - 2_000
    expect(app.decisions({ since }).map(({ taskId }) => taskId)).toEqual([ids[5], ids[4]])
    expect(app.decisions({ since: new Date(since + 1) }).map(({ taskId }) => taskId)).toEqual([ids[5]])
    expect(app.decisions({ since, agent: app.decisions()[0]?.agent, limit: 1 })).toHaveLength(1)
  })

  it('tells of a panic: those ejected are asked when too few are healthy', async () => {
    const { app, until } = await startApp()
    for (const id of ['a', 'b']) app.agent(id, { handler: () => 1 })
    app.eject('a')
    await until(app.run({ type: 't' }))
    const calm = app.decisions()[0]
    expect([calm?.agent, calm?.inPanic]).toEqual(['b', false])
    expect(String(calm)).not.toContain('panic')
    app.eject('b')
    await until(app.run({ type: 't' }))
    expect(app.decisions()[0]?.inPanic).toBe(true)
    expect(String(app.decisions()[0])).toContain(
      'So few agents are healthy that those ejected were asked, too (panic).',
    )
  })

  it('says what is wrong with a filter', async () => {
    const { app } = await startApp()
    const bad = { agents: 'a', since: new Date(Number.NaN), limit: 0, task: '' }
    const error = await failureOf(Promise.resolve().then(() => app.decisions(bad as object)))
    expect(error.code).toBe('OPTIONS_INVALID')
    expect(error.message).toMatch(/Did you mean "agent"/)
    expect(issuesOf(error)).toEqual(['agents', 'task', 'limit', 'since'])
  })
})

function issuesOf(error: BatutaError): string[] {
  return (error as BatutaError<'OPTIONS_INVALID'>).data.issues.map(({ path }) => path.join('.'))
}

describe('recordDecisions', () => {
  it('records what the app decides and how it went; off by default', async () => {
    const { app, until } = await startApp({ recordDecisions: { maxDecisions: 100 } })
    app.agent('a', { handler: () => 1 })
    const { task } = await until(app.run({ type: 't' }))
    const entries = app.router.recording()?.entries ?? []
    expect(entries.map(({ kind, task: { id } }) => [kind, id])).toEqual([
      ['decision', task.id],
      ['result', task.id],
    ])
    expect(entries[1]).toMatchObject({ decision: 0, agent: 'a', outcome: 'success' })
    expect((await startApp()).app.router.recording()).toBeUndefined()
  })

  it('is an option of the Router when one is given', async () => {
    const error = await failureOf(startApp({ router: new Router(), recordDecisions: { maxDecisions: 5 } }))
    expect(issuesOf(error)).toEqual(['recordDecisions'])
    await expect(createOrchestrator({ recordDecisions: { maxDecisions: 0 } })).rejects.toThrow('maxDecisions')
  })
})
