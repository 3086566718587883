import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Entry, NodeContext } from '../../../src/coordinator/node-context.js'
import { resolveOptions } from '../../../src/coordinator/options/resolve-options.js'
import { ReadyReader } from '../../../src/coordinator/ready-query.js'
import type { TaskRef } from '../../../src/engine/engine.js'
import { seededRandom } from '../../../src/internal/random.js'
import { startApp } from '../../support/app.js'

type World = Awaited<ReturnType<typeof startApp>>

/** One slot that writes down whose tasks it does, in their order. */
function worker({ app, clock }: World, workMs = 1) {
  const served: { tenant: string; input: unknown }[] = []
  app.agent('any', {
    handler: async (input, ctx) => {
      served.push({ tenant: ctx.task.tenant, input })
      await new Promise<void>((resolve) => clock.setTimer(resolve, workMs))
    },
  })
  return served
}

const fill = ({ app, until }: World, tenant: string, count: number) =>
  until(Promise.all(Array.from({ length: count }, (_, input) => app.submit({ type: 'x', tenant, input }))))

const share = (served: readonly { tenant: string }[], tenant: string) =>
  served.filter((one) => one.tenant === tenant).length / served.length

describe('tenants in turn', () => {
  it('another tenant’s first task waits at most one task, though 10,000 are queued', async () => {
    const world = await startApp()
    await fill(world, 'big', 10_000)
    const served = worker(world, 10)
    await world.clock.advance(200)
    const before = served.length
    await fill(world, 'small', 1)
    await world.clock.advance(100)
    const at = served.findIndex(({ tenant }) => tenant === 'small')
    expect(at).toBeGreaterThanOrEqual(before)
    // The one that was running, and one more at most.
    expect(at - before).toBeLessThanOrEqual(1)
  }, 30_000)

  it('of each other tenant at most one comes first', async () => {
    const world = await startApp({ window: 64 })
    for (let i = 0; i < 20; i++) await fill(world, `t${i}`, 50)
    const served = worker(world, 10)
    await world.clock.advance(1_000)
    const before = served.length
    await fill(world, 'new', 1)
    await world.clock.advance(1_000)
    expect(served.findIndex(({ tenant }) => tenant === 'new') - before).toBeLessThanOrEqual(20)
  })

  it('one that is not among the first hundred of a lane gets its share, too', async () => {
    const world = await startApp({ window: 64 })
    const tenants = Array.from({ length: 250 }, (_, i) => `t${String(i).padStart(3, '0')}`)
    for (const tenant of tenants) await fill(world, tenant, 12)
    const served = worker(world)
    // Half of all: every tenant's share is six.
    await world.clock.advance(1_500)
    const counts = tenants.map((tenant) => served.filter((one) => one.tenant === tenant).length)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(3)
    await world.clock.advance(3_000)
    expect(served).toHaveLength(3_000)
  }, 60_000)
})

describe('tenantWeights', () => {
  it('a tenant of weight 3 gets three of four, out of storage too', async () => {
    const world = await startApp({ window: 64, tenantWeights: { gold: 3 } })
    for (const tenant of ['gold', 'other']) await fill(world, tenant, 600)
    const served = worker(world)
    await world.clock.advance(700)
    // All along, and not only in the end: the windows were refilled many times.
    for (let i = 0; i + 100 <= 700 && i + 100 <= served.length; i += 100) {
      expect(share(served.slice(i, i + 100), 'gold')).toBeGreaterThanOrEqual(0.72)
      expect(share(served.slice(i, i + 100), 'gold')).toBeLessThanOrEqual(0.78)
    }
    const inputs = served.filter(({ tenant }) => tenant === 'gold').map(({ input }) => input)
    expect(inputs).toEqual(inputs.map((_, i) => i))
  })

  it('below 1 as well, against tenants that are not named', async () => {
    const world = await startApp({ window: 64, tenantWeights: { free: 0.25 } })
    for (const tenant of ['free', 'a', 'b']) await fill(world, tenant, 400)
    const served = worker(world)
    await world.clock.advance(500)
    expect(share(served, 'free')).toBeCloseTo(1 / 9, 1.5)
    expect(share(served, 'a')).toBeCloseTo(4 / 9, 1.5)
  })

  it.each([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], ['3'], [1_000]])('%s is refused', async (weight) => {
    const options = { tenantWeights: { gold: weight as number } }
    await expect(startApp(options)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
  })
})

describe('what is read of a lane', () => {
  it('is each tenant’s beginning, in as many rounds as the others’ have, and in the end all of everybody', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 60 })), {
          minLength: 1,
          maxLength: 220,
          size: 'max',
        }),
        // The first tenant may have so much more, and so much weight, that it fills a read alone.
        fc.constantFrom(0, 200),
        fc.constantFrom(64, 200, 1_000),
        fc.constantFrom<Record<string, number>>({}, { t000: 3, t007: 0.5, t150: 7 }, { t000: 100 }),
        // Of every how manieth the record is wanted; `undefined`: of all, at once.
        fc.constantFrom(undefined, 1, 2, 1e9),
        async ([size = 0, ...others], more, limit, tenantWeights, asked) => {
          const sizes = [size + more, ...others]
          const world = await startApp()
          for (const [i, size] of sizes.entries()) await fill(world, `t${String(i).padStart(3, '0')}`, size)
          const { node: inner } = world.app.coordinator as never as { node: NodeContext }
          const { settings } = resolveOptions({ tenantWeights })
          const node = new NodeContext(settings, inner.storage, world.clock, seededRandom(1), inner.events, inner.log)
          const reader = new ReadyReader(node)
          const seen = new Set<string>()
          const total = sizes.reduce((sum, size) => sum + size, 0)
          for (let reads = 0; reads < Math.ceil(total / 40) + 3; reads++) {
            const isWanted = asked === undefined ? undefined : ({ rank }: TaskRef) => rank % asked === 0
            const refs = await world.until(reader.read('task:x:', limit, isWanted))
            expect(refs.length).toBe(Math.min(total, limit))
            // A lane of several tenants has no floor: a read that began there would find one of them only.
            if (sizes.length > 1) expect(node.floors.get('task:x:')).toBeUndefined()
            const counts = new Map<string, number>()
            for (const ref of refs) {
              const count = counts.get(ref.tenant) ?? 0
              const hint = ref.hint as Entry | undefined
              expect(hint !== undefined).toBe(isWanted === undefined || isWanted(ref))
              // In order within each tenant, from its beginning, without a gap.
              expect(hint?.value.input ?? count).toBe(count)
              counts.set(ref.tenant, count + 1)
              seen.add(ref.tenant)
            }
            if (total < limit) continue
            // What engines may conclude: who has fewer than the rounds before the last one give has no more.
            let rounds = 0
            for (const [name, count] of counts) rounds = Math.max(rounds, Math.ceil(count / node.weightOf(name)))
            for (const [name, count] of counts) {
              const isShort = count < Math.floor((rounds - 1) * node.weightOf(name))
              if (isShort) expect(count).toBe(sizes[Number(name.slice(1))])
            }
          }
          expect(seen.size).toBe(sizes.length)
          await world.until(world.app.shutdown({ graceMs: 0 }))
        },
      ),
      { numRuns: 10 },
    )
  }, 120_000)
})

describe('ageing', () => {
  it('passes over a task of low priority no longer than the boosts say', async () => {
    const priorityBoosts = { low: 0, normal: 1_000, high: 5_000, critical: 10_000 }
    const world = await startApp({ priorityBoosts, window: 64 })
    const { app, clock, until } = world
    const started = new Map<string, number>()
    app.agent('any', {
      handler: async (_, ctx) => {
        started.set(ctx.task.id, clock.now())
        await new Promise<void>((resolve) => clock.setTimer(resolve, 100))
      },
    })
    // Twice as much as can be done, of the highest priority, for a minute.
    const submit = (priority: 'low' | 'normal' | 'critical') => until(app.submit({ type: 'x', priority }))
    const from = clock.now()
    const early = { low: await submit('low'), normal: await submit('normal') }
    const critical: { id: string; at: number }[] = []
    for (let i = 0; i < 600; i++) {
      critical.push({ id: (await submit('critical')).id, at: clock.now() })
      await clock.advance(50)
    }
    await clock.advance(60_000)
    for (const [priority, task] of Object.entries(early)) {
      const at = started.get(task.id) ?? Number.POSITIVE_INFINITY
      const boost = priorityBoosts.critical - priorityBoosts[priority as 'low' | 'normal']
      // Nothing that was submitted later than the boosts' difference went before it.
      const passedBy = critical.filter(({ id, at: submittedAt }) => {
        return submittedAt > from + boost && (started.get(id) ?? Number.POSITIVE_INFINITY) < at
      })
      expect(passedBy).toEqual([])
      expect(at).toBeLessThan(Number.POSITIVE_INFINITY)
    }
  }, 60_000)
})
