import { type ListFilter, memoryStorage, type Storage, type Task } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { gate, startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

async function listed() {
  const world = await startApp({ retry: false })
  const { app, until, clock } = world
  app.agent('any', {
    capabilities: ['work'],
    maxConcurrentTasks: 30,
    handler: (input) => {
      if (input % 4 === 3) throw new Error('no')
      return input
    },
  })
  // Several in each millisecond, so that time alone orders nothing.
  for (let i = 0; i < 24; i++) {
    const requires = i % 4 === 0 ? ['nobody has this'] : ['work']
    const options = { type: i % 2 === 0 ? 'even' : 'odd', tenant: i % 3 === 0 ? 'a' : 'b', input: i, requires }
    const handle = await until(app.submit(options))
    if (i % 8 === 0) await until(handle.cancel())
    if (i % 6 === 5) await clock.advance(100)
  }
  await clock.settle()
  const inputs = async (filter: ListFilter = {}) =>
    (await until(app.listTasks(filter))).tasks.map((task: Task) => task.input as number)
  const all = async (filter: ListFilter) => {
    const pages: number[][] = []
    let cursor: string | undefined
    do {
      const page = await until(app.listTasks({ ...filter, cursor }))
      pages.push(page.tasks.map((task) => task.input as number))
      cursor = page.cursor
    } while (cursor !== undefined && pages.length < 50)
    return pages
  }
  return { ...world, inputs, all, from: clock.now() - 400 }
}

const numbers = Array.from({ length: 24 }, (_, i) => i)

describe('listTasks', () => {
  it('lists newest first, or oldest first', async () => {
    const { inputs } = await listed()
    expect(await inputs()).toEqual([...numbers].reverse())
    expect(await inputs({ order: 'asc' })).toEqual(numbers)
    expect(await inputs({ limit: 3 })).toEqual([23, 22, 21])
  })

  it.each(['asc', 'desc'] as const)(
    'pages by cursor without gaps or repeats, %s, whatever the page size',
    async (order) => {
      const { all } = await listed()
      const expected = order === 'asc' ? numbers : [...numbers].reverse()
      for (const limit of [1, 2, 3, 5, 23, 24, 25]) {
        const pages = await all({ order, limit })
        expect(pages.flat(), `limit ${limit}`).toEqual(expected)
        expect(pages.every((page) => page.length <= limit)).toBe(true)
      }
    },
  )

  it('gives every task of pages as large as they may be', async () => {
    const { app, until } = await startApp()
    await until(Promise.all(Array.from({ length: 1_005 }, (_, input) => app.submit({ type: 'x', input }))))
    const first = await until(app.listTasks({ limit: 1_000 }))
    const second = await until(app.listTasks({ limit: 1_000, cursor: first.cursor }))
    const inputs = [...first.tasks, ...second.tasks].map(({ input }) => input as number)
    expect(inputs).toEqual(Array.from({ length: 1_005 }, (_, i) => 1_004 - i))
    expect(second.cursor).toBeUndefined()
  })

  it('filters by status, type, tenant and time, and pages so too', async () => {
    const { inputs, all, from } = await listed()
    expect(await inputs({ status: 'cancelled', order: 'asc' })).toEqual([0, 8, 16])
    expect(await inputs({ status: ['pending', 'failed'], order: 'asc' })).toEqual([3, 4, 7, 11, 12, 15, 19, 20, 23])
    expect(await inputs({ type: 'odd', tenant: 'a', order: 'asc' })).toEqual([3, 9, 15, 21])
    expect((await all({ type: 'odd', tenant: 'a', order: 'asc', limit: 2 })).flat()).toEqual([3, 9, 15, 21])
    expect(await inputs({ from: from + 100, until: from + 200, order: 'asc' })).toEqual([6, 7, 8, 9, 10, 11])
    expect(await inputs({ from: new Date(from + 300) })).toEqual([23, 22, 21, 20, 19, 18])
    expect((await all({ until: from + 100, limit: 4 })).flat()).toEqual([5, 4, 3, 2, 1, 0])
    expect((await all({ from: from + 300, limit: 4 })).flat()).toEqual([23, 22, 21, 20, 19, 18])
  })

  it.each([
    [{ limit: 0 }],
    [{ limit: Number.NaN }],
    [{ limit: 1_001 }],
    [{ cursor: 'made up' }],
    [{ order: 'up' }],
    [{ status: 'done' }],
    [{ status: ['pending', 'done'] }],
    [{ from: new Date('never') }],
    [{ typ: 'x' }],
  ])('refuses %j with OPTIONS_INVALID', async (filter) => {
    const { app, failure } = await startApp()
    expect((await failure(app.listTasks(filter as never))).code).toBe('OPTIONS_INVALID')
  })

  it.each(['ready', 'running'])('has a task once that starts while the %s ones are read', async (state) => {
    const clock = new VirtualClock()
    const inner = memoryStorage({ now: () => clock.now() })
    const starts = gate()
    let begin = () => {}
    const storage: Storage = {
      ...passing(inner),
      async query(index, query) {
        if (index === 'listed' && query.prefix?.[0] === state) {
          begin()
          await starts.opened
        }
        return inner.query(index, query)
      },
    }
    const { app, until } = await startApp({ storage, clock })
    app.agent('any', {
      handler: async (_input, { signal }) => {
        starts.open()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    })
    app.pause('any')
    const { id } = await until(app.submit({}))
    begin = () => app.resume('any')
    expect((await until(app.listTasks())).tasks.map((task) => task.id)).toEqual([id])
  })
})
