import { strict as assert } from 'node:assert'
import { topic } from '../engine-conformance.js'
import { idsOf, inRankOrder } from '../probe.js'

/** Ranks from 1 to n, in an order that is none. */
function shuffled(n: number): number[] {
  return Array.from({ length: n }, (_, i) => ((i * 7) % n) + 1)
}

/** What is offered, and how it is handed out again. */
export const handOutCases = [
  ...topic('offer', {
    'says what it is': async ({ engine }) => {
      assert.ok(engine.name.length > 0)
    },
    'what was offered is handed out, with id, lane, tenant and rank': async ({ probe }) => {
      await probe.start()
      const [ref] = probe.refs([5], { tenant: 'acme' })
      assert.ok(ref)
      probe.offer([ref])
      const [{ hint: _hint, ...got } = ref] = await probe.take(1)
      assert.deepEqual(got, ref)
    },
    'a reference that it holds already is offered in vain': async ({ probe, engine }) => {
      await probe.start()
      const refs = probe.refs([1, 2])
      probe.offer(refs)
      probe.offer(refs)
      assert.deepEqual(idsOf(await probe.take(4)), idsOf(refs))
      // Handed out and not finished is held too.
      engine.offer(refs)
      assert.deepEqual(await probe.take(1), [])
    },
    'takes an empty offer, and an end of what it never held': async ({ probe, engine }) => {
      await probe.start()
      engine.offer([])
      engine.finish(probe.refs([1]))
      engine.finish([])
      assert.deepEqual(probe.want(1), [])
    },
  }),
  ...topic('want', {
    'answers at once, with nothing when there is nothing, and never with more than was asked for': async ({
      probe,
    }) => {
      await probe.start()
      assert.deepEqual(probe.want(3), [])
      const refs = probe.refs([1, 2, 3, 4, 5])
      probe.offer(refs)
      await probe.polls(1)
      assert.deepEqual(probe.want(0), [])
      assert.equal((await probe.take(2)).length, 2)
      assert.equal((await probe.take(9)).length, 3)
    },
    'gives the lowest rank first; ties go by id': async ({ probe, windowSize }) => {
      await probe.start()
      const refs = probe.refs([...shuffled(windowSize / 2), 3, 3, 2])
      probe.offer([...refs].reverse())
      assert.deepEqual(idsOf(await probe.take(refs.length)), idsOf([...refs].sort(inRankOrder)))
    },
    'puts an urgent task that is offered later first': async ({ probe }) => {
      await probe.start()
      probe.offer(probe.refs([10, 20, 30]))
      await probe.take(1)
      const urgent = probe.refs([-1_000])
      probe.offer(urgent)
      assert.deepEqual(idsOf(await probe.take(1)), idsOf(urgent))
    },
    'gives the lowest ranks over the lanes that were asked for, and of no others': async ({ probe }) => {
      await probe.start()
      const a = probe.refs([1, 4, 6], { lane: 'a' })
      const b = probe.refs([2, 3, 7], { lane: 'b' })
      const c = probe.refs([0, 5], { lane: 'c' })
      probe.offer([...a, ...b, ...c])
      probe.want(0, ['a', 'b', 'c'])
      await probe.polls(1)
      const expected = [...a, ...b].sort(inRankOrder)
      assert.deepEqual(idsOf(await probe.take(6, ['a', 'b'])), idsOf(expected))
      assert.deepEqual(idsOf(await probe.take(2, ['c'])), idsOf(c))
    },
    'takes lanes as any iterable, and lanes it has never heard of': async ({ probe, engine }) => {
      await probe.start()
      const refs = probe.refs([1])
      probe.offer(refs)
      await probe.polls(1)
      assert.deepEqual(idsOf(engine.want(new Set(['lane', 'other']).values(), 2)), idsOf(refs))
      assert.deepEqual(engine.want([], 2), [])
    },
    'hands nothing out twice before it is finished': async ({ probe }) => {
      await probe.start()
      const refs = probe.refs([1, 2, 3])
      probe.offer(refs)
      assert.equal((await probe.take(3)).length, 3)
      // Still ready in storage, so a refill finds them again.
      assert.deepEqual(await probe.take(1), [])
    },
  }),
  ...topic('finish', {
    'lets a task that is ready again be handed out again, with the rank that it has now': async ({ probe, engine }) => {
      await probe.start()
      const [retried, other] = probe.refs([1, 2])
      assert.ok(retried && other)
      probe.offer([retried, other])
      const taken = await probe.take(1)
      assert.deepEqual(idsOf(taken), [retried.id])
      probe.claim(taken)
      const again = { ...retried, rank: 9 }
      probe.offer([again])
      assert.deepEqual(idsOf(await probe.take(2)), [other.id, retried.id])
      engine.finish([again])
    },
    'lets a task that turned out to be ready still be read anew': async ({ probe, engine }) => {
      await probe.start()
      const refs = probe.refs([1])
      probe.offer(refs)
      engine.finish(await probe.take(1))
      assert.deepEqual(idsOf(await probe.take(1)), idsOf(refs))
    },
    'forgets what was claimed': async ({ probe, windowSize }) => {
      await probe.start()
      probe.offer(probe.refs(shuffled(windowSize / 2)))
      probe.claim(await probe.take(windowSize / 2))
      assert.deepEqual(await probe.take(1), [])
    },
  }),
  ...topic('tenants', {
    'are served in turn, each in rank order': async ({ probe }) => {
      await probe.start()
      const a = probe.refs([1, 2, 3, 4], { tenant: 'a' })
      const b = probe.refs([101, 102], { tenant: 'b' })
      const c = probe.refs([201, 202, 203], { tenant: 'c' })
      probe.offer([...a, ...b, ...c])
      const tenants = (await probe.take(9)).map((ref) => ref.tenant)
      for (const round of [tenants.slice(0, 3), tenants.slice(3, 6)])
        assert.deepEqual([...round].sort(), ['a', 'b', 'c'])
      assert.deepEqual([...tenants.slice(6, 8)].sort(), ['a', 'c'])
    },
    'a tenant that comes later waits for at most one task of each other': async ({ probe, windowSize }) => {
      await probe.start()
      for (const tenant of ['a', 'b']) probe.offer(probe.refs(shuffled(windowSize / 4), { tenant }))
      await probe.take(3)
      probe.offer(probe.refs([1e9], { tenant: 'late' }))
      const tenants = (await probe.take(3)).map((ref) => ref.tenant)
      assert.ok(tenants.includes('late'), `served before: ${tenants}`)
    },
    'are in turn over lanes too': async ({ probe }) => {
      await probe.start()
      probe.offer(probe.refs([1, 2, 3, 4, 5, 6], { lane: 'x', tenant: 'a' }))
      probe.offer(probe.refs([11, 12], { lane: 'y', tenant: 'b' }))
      const tenants = (await probe.take(4, ['x', 'y'])).map((ref) => ref.tenant)
      assert.deepEqual([...tenants].sort(), ['a', 'a', 'b', 'b'])
    },
  }),
]
