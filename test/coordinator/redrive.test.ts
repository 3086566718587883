import { defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.js'

const job = defineTask('job', { retry: false })

/** Three failed tasks of two types, and a completed one; `heal` makes the agent work. */
async function failed() {
  const world = await startApp()
  const { app, until, clock } = world
  let isBroken = true
  const run = (input: unknown) => {
    if (isBroken && input !== 'ok') throw Object.assign(new Error('no'), { code: input === 2 ? 'E2' : 'E1' })
    return input
  }
  const other = defineTask('other', { retry: false })
  app.agent('any', { maxConcurrentTasks: 5, handlers: [job.handler(run), other.handler(run)] })
  const ids: string[] = []
  for (const [definition, input] of [
    [job, 1],
    [job, 2],
    [other, 3],
    [job, 'ok'],
  ] as const) {
    const handle = await until(
      app.submit(definition, input as never, {
        metadata: { input },
        tenant: 't',
        idempotencyKey: `k${input}`,
        priority: 'high',
      }),
    )
    ids.push(handle.id)
    await clock.advance(100)
  }
  return { ...world, ids, heal: () => (isBroken = false) }
}

describe('redrive', () => {
  it('makes new tasks, linked to the old ones, which stay as they are', async () => {
    const { app, until, ids, heal, names } = await failed()
    heal()
    const result = await until(app.redrive({ type: 'job' }))
    expect(result).toMatchObject({ dryRun: false, more: false })
    expect(result.tasks.map(({ from, type }) => [from, type])).toEqual([
      [ids[0], 'job'],
      [ids[1], 'job'],
    ])
    const handle = await until(app.getTask(result.tasks[0]?.to ?? '', job))
    expect(await until(handle?.result() ?? Promise.reject())).toBe(1)
    expect(await until(handle?.snapshot() ?? Promise.reject())).toMatchObject({
      redriveOf: ids[0],
      input: 1,
      tenant: 't',
      priority: 'high',
      metadata: { input: 1 },
      attempts: [{ number: 1 }],
    })
    const old = await until((await until(app.getTask(ids[0] ?? '')))?.snapshot() ?? Promise.reject())
    expect(old.status).toBe('failed')
    expect(names('task:redriven')).toHaveLength(2)
  })

  it('only says what it would do in a dry run', async () => {
    const { app, until, ids } = await failed()
    const result = await until(app.redrive({}, { dryRun: true }))
    expect(result).toEqual({
      dryRun: true,
      more: false,
      tasks: [
        { from: ids[0], type: 'job' },
        { from: ids[1], type: 'job' },
        { from: ids[2], type: 'other' },
      ],
    })
    expect((await until(app.listTasks())).tasks).toHaveLength(4)
  })

  it('picks by ids, tenant, error code and time, oldest first, with a limit', async () => {
    const { app, until, ids, clock } = await failed()
    const from = clock.now() - 400
    const picked = async (filter: Parameters<typeof app.redrive>[0]) => {
      const { tasks, more } = await until(app.redrive(filter, { dryRun: true }))
      return [...tasks.map((task) => ids.indexOf(task.from)), ...(more ? ['more'] : [])]
    }
    expect(await picked({ ids: [ids[1] ?? '', ids[3] ?? '', 'unknown'] })).toEqual([1])
    expect(await picked({ tenant: 't' })).toEqual([0, 1, 2])
    expect(await picked({ tenant: 'other' })).toEqual([])
    expect(await picked({ code: 'E2' })).toEqual([1])
    expect(await picked({ from: from + 100, until: from + 200 })).toEqual([1])
    expect(await picked({ from: new Date(from + 100) })).toEqual([1, 2])
    expect(await picked({ limit: 2 })).toEqual([0, 1, 'more'])
  })

  it.each([[{ limit: 0 }], [{ typ: 'x' }], [{ ids: 'one' }], [{ from: 'yesterday' }]])(
    'refuses %j with OPTIONS_INVALID',
    async (filter) => {
      const { app, failure } = await startApp()
      expect((await failure(app.redrive(filter as never))).code).toBe('OPTIONS_INVALID')
    },
  )
})
