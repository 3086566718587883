import { BusHub } from 'batuta'
import { describe, expect, it } from 'vitest'
import { type Entry, NodeContext } from '../../src/coordinator/node-context.js'
import { LaneFloors } from '../../src/coordinator/nodes/lane-floors.js'
import { resolveOptions } from '../../src/coordinator/options/resolve-options.js'
import { ReadyReader } from '../../src/coordinator/ready-query.js'
import { seededRandom } from '../../src/internal/random.js'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

describe('two tenants with a backlog and great weights', () => {
  it('get their shares, though each fills a read alone', async () => {
    const tenantWeights = { ana: 100, beto: 100 }
    const { app, clock, until } = await startApp({ tenantWeights, bus: new BusHub().connect(), window: 200 })
    for (const tenant of ['ana', 'beto']) {
      await until(Promise.all(Array.from({ length: 1_500 }, () => app.submit({ type: 'x', tenant }))))
    }
    const counts = { ana: 0, beto: 0 }
    app.agent('any', {
      maxConcurrentTasks: 20,
      handler: async (_, ctx) => {
        counts[ctx.task.tenant as 'ana']++
        await new Promise<void>((resolve) => clock.setTimer(resolve, 10))
      },
    })
    await clock.advance(700)
    const all = counts.ana + counts.beto
    expect(all).toBeGreaterThan(1_000)
    expect(Math.min(counts.ana, counts.beto)).toBeGreaterThan(all / 4)
  })
})

describe('a read that begins at the floor of one tenant', () => {
  it('is not all of the lane when another tenant’s task is told of meanwhile', async () => {
    const { app, clock, until } = await startApp()
    const { node: inner } = app.coordinator as never as { node: NodeContext }
    let onQuery: () => Promise<unknown> = async () => undefined
    const storage: NodeContext['storage'] = {
      ...passing(inner.storage),
      query: async (index, query) => {
        const answer = await inner.storage.query(index, query)
        await onQuery()
        return answer
      },
    }
    const { settings } = resolveOptions({})
    const node = new NodeContext(settings, storage, clock, seededRandom(1), inner.events, inner.log, inner.bus)
    const reader = new ReadyReader(node)
    const read = async () => (await reader.read('task:x:', 64, () => true)).map(({ tenant }) => tenant)
    const submit = async (tenant: string) => {
      const { id } = await app.submit({ type: 'x', tenant })
      // As it is heard of from the node that made it.
      node.floors.heard(new LaneFloors(clock, 1_000, 1).made([(await inner.read('task', id)) as Entry]))
    }
    await until(submit('ana'))
    expect(await until(read())).toEqual(['ana'])
    onQuery = () => {
      onQuery = async () => undefined
      return submit('beto')
    }
    expect(await until(read())).toEqual(['ana', 'beto'])
  })
})
