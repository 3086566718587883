import { BatutaError, memoryStorage, type Storage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

/** As another node does it. */
async function declareDead(storage: Storage, ownerId: string): Promise<void> {
  const [record] = (await storage.read([{ kind: 'owner', id: ownerId }])).records
  const { now } = await storage.read([])
  const gone = { kind: 'owner', id: ownerId, expect: record?.version ?? null, leave: null }
  await storage.commit([{ writes: [gone], notAfter: now + 1_000 }])
}

it('every new id of an owner is told, also when the one it took first came too late', async () => {
  const clock = new VirtualClock()
  const inner = memoryStorage({ now: () => clock.now() })
  const refused: string[] = []
  let refusals = 0
  const storage: Storage = {
    ...passing(inner),
    async commit(sets) {
      const births = sets
        .flatMap(({ writes }) => writes)
        .filter(({ kind, expect: was }) => kind === 'owner' && was === null)
      if (births.length === 0 || refusals === 0) return inner.commit(sets)
      refusals--
      refused.push(...births.map(({ id }) => id))
      return { ...(await inner.commit([])), results: sets.map(() => ({ applied: false, reason: 'late', found: [] })) }
    },
  }
  const { app, events } = await startApp({ clock, storage })
  const first = app.health().ownerId
  // Declared dead: its record is gone; and the next id is refused once.
  refusals = 1
  await declareDead(inner, first)
  await clock.advance(5_000)
  const renewed = events.flatMap((event) => (event.type === 'owner:renewed' ? [event] : []))
  expect(refused).toHaveLength(1)
  expect(renewed.map(({ was }) => was)).toEqual([first, refused[0]])
  expect(renewed.map(({ ownerId }) => ownerId)).toEqual([refused[0], app.health().ownerId])
})

it('an owner that was declared dead ends its handlers and begins anew, however long the storage is away', async () => {
  const clock = new VirtualClock()
  const inner = memoryStorage({ now: () => clock.now() })
  let isAway = false
  const storage: Storage = {
    ...passing(inner),
    commit: async (sets) => {
      if (isAway) throw new BatutaError('STORAGE_UNAVAILABLE', 'Away.', { data: { storage: inner.name } })
      return inner.commit(sets)
    },
  }
  const { app, until } = await startApp({ clock, storage, storageWaitMs: 2_000 })
  const aborted: string[] = []
  app.agent('ana', {
    capabilities: ['long'],
    handler: async (_input, { signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      aborted.push(signal.reason.message)
      throw signal.reason
    },
  })
  app.agent('beto', { capabilities: ['short'], handler: () => 'done' })
  await until(app.submit({ requires: ['long'] }))
  await clock.advance(10)
  const first = app.health().ownerId
  await declareDead(inner, first)
  // The beat that finds out gets through, and nothing after it.
  app.on('owner:renewed', () => {
    isAway = true
  })
  await clock.advance(60_000)
  expect(aborted).toEqual(['Released: this owner was declared dead.'])
  isAway = false
  await clock.advance(3_000)
  const { records } = await inner.query('owners', { limit: 2 })
  expect(records.map(({ id }) => id)).toEqual([app.health().ownerId])
  expect(app.health().ownerId).not.toBe(first)
  expect((await until(app.run({ requires: ['short'] }))).output).toBe('done')
})
