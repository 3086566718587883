import { memoryStorage, type Storage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

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
  const [record] = (await inner.query('owners', { limit: 1 })).records
  const { now } = await inner.read([])
  const gone = { kind: 'owner', id: first, expect: record?.version ?? null, leave: null }
  await inner.commit([{ writes: [gone], notAfter: now + 1_000 }])
  await clock.advance(5_000)
  const renewed = events.flatMap((event) => (event.type === 'owner:renewed' ? [event] : []))
  expect(refused).toHaveLength(1)
  expect(renewed.map(({ was }) => was)).toEqual([first, refused[0]])
  expect(renewed.map(({ ownerId }) => ownerId)).toEqual([refused[0], app.health().ownerId])
})
