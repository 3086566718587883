import { describe, expect, it } from 'vitest'
import { createOrchestrator } from '../../src/index.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { LAYOUT, SCHEMA } from '../../src/storage/records.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

describe('what the dead leave behind', () => {
  it('is cleared away by whoever comes next, also when the one who began with it died too', async () => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    const { now } = await storage.open(SCHEMA)
    const agent = (ownerId: string) => ({
      kind: 'agent',
      id: `${ownerId}/ana`,
      expect: null,
      leave: {
        version: `${ownerId}.1`,
        value: {
          ownerId,
          agentId: 'ana',
          name: 'Ana',
          capabilities: [],
          types: [],
          maxConcurrentTasks: 1,
          polling: false,
          paused: false,
        },
      },
    })
    const owner = { startedAt: now, beatAt: now, layout: LAYOUT }
    // `half` has no record any more, only agents; `dead` has both, and never beats again.
    const writes = [
      agent('half'),
      agent('dead'),
      { kind: 'owner', id: 'dead', expect: null, leave: { version: 'dead.1', value: owner } },
    ]
    await storage.commit([{ writes, notAfter: now + 60_000 }])
    const owners = async () =>
      (await storage.query('agents', { limit: 10 })).records.map(({ value }) => (value as { ownerId: string }).ownerId)

    const app = await clock.runUntil(createOrchestrator({ storage, clock }))
    await clock.advance(1_500)
    expect(await owners()).toEqual(['dead'])
    await clock.advance(4_000)
    expect(await owners()).toEqual([])
    expect((await storage.query('owners', { limit: 10 })).records.map(({ id }) => id)).toEqual([app?.health().ownerId])
    if (app !== undefined) await clock.runUntil(app.shutdown())
    await storage.close()
  })

  it.each([
    [4_000, 1_000],
    [30_000, 7_500],
  ])('is found with leaseMs %d, as seldom as observeMs %d lets it be looked for', async (leaseMs, observeMs) => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    const { now } = await storage.open(SCHEMA)
    const owner = { startedAt: now, beatAt: now, layout: LAYOUT }
    const writes = [{ kind: 'owner', id: 'dead', expect: null, leave: { version: 'dead.1', value: owner } }]
    await storage.commit([{ writes, notAfter: now + 60_000 }])
    const { names } = await startApp({ storage, clock, leaseMs, observeMs, heartbeatMs: leaseMs / 4 })
    await clock.advance(leaseMs + 3 * observeMs)
    expect(names('owner:lost')).toHaveLength(1)
  })

  it('keeps nobody from seeing who else dies, however long it takes to clear away', async () => {
    const clock = new VirtualClock()
    const inner = memoryStorage({ now: () => clock.now() })
    const { now } = await inner.open(SCHEMA)
    const owner = { startedAt: now, beatAt: now, layout: LAYOUT }
    const write = (id: string) => ({ kind: 'owner', id, expect: null, leave: { version: `${id}.1`, value: owner } })
    await inner.commit([{ writes: [write('first')], notAfter: now + 60_000 }])
    const slow = {
      ...passing(inner),
      query: async (...[index, query]: Parameters<typeof inner.query>) => {
        if (index === 'held' && query.prefix?.[0] === 'first')
          await new Promise<void>((resolve) => void clock.setTimer(resolve, 2_500))
        return inner.query(index, query)
      },
    }
    const { app } = await startApp({ storage: slow, clock })
    const lostAt = new Map<string, number>()
    app.on('owner:lost', ({ ownerId }) => lostAt.set(ownerId, clock.now() - now))
    await clock.advance(2_000)
    await inner.commit([{ writes: [write('second')], notAfter: now + 60_000 }])
    await clock.advance(6_000)
    expect(lostAt.get('first')).toBeLessThan(4_000)
    // Its only beat was 2 s after the start.
    expect(lostAt.get('second')).toBeLessThan(2_000 + 4_000)
  })
})
