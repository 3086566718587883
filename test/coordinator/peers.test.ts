import { memoryStorage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { expect, it } from 'vitest'
import { BusHub } from '../../src/bus/in-process-bus.js'
import type { Entry } from '../../src/coordinator/node-context.js'
import { Peers } from '../../src/coordinator/nodes/peers.js'
import { fallbackLane } from '../../src/task/lane.js'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

const owners = ['me', 'ana', 'beto'].map((id) => ({ id, version: '1', value: {} }) as unknown as Entry<'owner'>)
const tasks = Array.from({ length: 300 }, (_, n) => ({ id: `task-${n}`, lane: fallbackLane('quote') }))

it('no task is left to an owner whose beats are late, until they come again', () => {
  const peers = new Peers({ ownerId: 'me', query: async () => [], bus: new BusHub().connect() })
  const mine = () => tasks.filter((task) => peers.placeOf(task) === 0).length
  const anybodys = () => tasks.filter(({ id }) => peers.placeOfAny(id) === 0).length
  peers.saw(owners, () => false)
  const [first, firstOfAny] = [mine(), anybodys()]
  expect(first).toBeGreaterThan(60)
  expect(first).toBeLessThan(140)
  peers.saw(owners, (id) => id === 'ana')
  expect(mine()).toBeGreaterThan(first + 20)
  expect(anybodys()).toBeGreaterThan(firstOfAny + 20)
  // Known all the same: it is an owner, and may come back.
  expect(peers.owners).toBe(3)
  peers.saw(owners, () => true)
  expect(mine()).toBe(300)
  expect(peers.isAlone).toBe(false)
  peers.saw(owners, () => false)
  expect([mine(), anybodys()]).toEqual([first, firstOfAny])
})

it('says once to whom it meets that it is here, and reads agents of those that came during a read', async () => {
  const hub = new BusHub()
  const heard: unknown[] = []
  hub.connect().subscribe((message) => heard.push(message))
  const read: unknown[] = []
  const peers = new Peers({
    ownerId: 'me',
    query: async (_kind, _index, { prefix }) => {
      read.push(prefix?.[0])
      return []
    },
    bus: hub.connect(),
  })
  const [me, ana, beto] = owners as [Entry<'owner'>, Entry<'owner'>, Entry<'owner'>]
  peers.saw([me, ana], () => false)
  peers.saw([me, ana, beto], () => false)
  peers.saw([me, ana, beto], () => false)
  await peers.read()
  expect(heard).toEqual([
    { type: 'owner', ownerId: 'me' },
    { type: 'owner', ownerId: 'me' },
  ])
  expect(read).toEqual(['ana', 'beto'])
})

it('an owner with other agents says so with its next beat', async () => {
  const hub = new BusHub()
  const heard: string[] = []
  hub.connect().subscribe(({ type }) => heard.push(type))
  const { app, clock } = await startApp({ clock: new VirtualClock(), bus: hub.connect() })
  await clock.advance(3_000)
  heard.length = 0
  app.agent('ana', { handler: () => 'done' })
  await clock.advance(1_100)
  expect(heard).toEqual(['owner'])
})

it('news that comes during a look is followed by another at once', async () => {
  const clock = new VirtualClock()
  const hub = new BusHub()
  const memory = memoryStorage({ now: () => clock.now() })
  const looks: number[] = []
  const storage = {
    ...passing(memory),
    query: async (...args: Parameters<typeof memory.query>) => {
      if (args[0] === 'owners') {
        looks.push(clock.now())
        await new Promise<void>((resolve) => clock.setTimer(resolve, 50))
      }
      return memory.query(...args)
    },
  }
  await startApp({ clock, storage, bus: hub.connect() })
  const before = looks.length
  while (looks.length === before) await clock.advance(1)
  const [begun] = looks.slice(-1)
  hub.connect().publish({ type: 'owner', ownerId: 'ana' })
  await clock.advance(100)
  expect(looks.slice(before).map((at) => at - (begun ?? 0))).toEqual([0, 50])
})
