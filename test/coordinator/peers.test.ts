import { expect, it } from 'vitest'
import { BusHub } from '../../src/bus/in-process-bus.js'
import type { Entry } from '../../src/coordinator/node-context.js'
import { Peers } from '../../src/coordinator/nodes/peers.js'
import { fallbackLane } from '../../src/task/lane.js'

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
