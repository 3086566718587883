import { strict as assert } from 'node:assert'
import { topic } from '../engine-conformance.js'
import { idsOf, inRankOrder } from '../probe.js'

const ranks = (n: number, from = 1) => Array.from({ length: n }, (_, i) => from + i)

/** A window is bounded, may be lost, and is filled from storage. */
export const refillCases = [
  ...topic('refill', {
    'finds what was ready before it started, and wakes the host': async ({ probe, windowSize }) => {
      const refs = probe.refs(ranks(windowSize / 2))
      probe.store(refs)
      await probe.start()
      probe.want(1)
      await probe.polls(2)
      assert.ok(probe.woken.includes('lane'), 'the host was not woken')
      assert.deepEqual(probe.errors, [])
      assert.equal((await probe.take(windowSize)).length >= windowSize / 2 - 1, true)
    },
    'hands out a backlog of many windows, all of it, in rank order': async ({ probe, windowSize }) => {
      const refs = probe.refs(ranks(4 * windowSize).reverse())
      probe.store(refs)
      await probe.start()
      assert.deepEqual(idsOf(await probe.drain()), idsOf([...refs].sort(inRankOrder)))
    },
    'goes on by itself when its window has run low: nobody waits for a poll': async ({ probe, windowSize }) => {
      probe.store(probe.refs(ranks(4 * windowSize)))
      await probe.start()
      await probe.take(1)
      const before = probe.asked.length
      probe.claimAtOnce()
      assert.ok(probe.asked.length > before, 'storage was not asked for more')
    },
    'asks again when the read that was under way brought nothing new': async ({ probe, windowSize }) => {
      probe.store(probe.refs(ranks(3 * windowSize)))
      await probe.start()
      await probe.take(1)
      // All that a slow read will answer is gone by the time that it does.
      const taken = probe.claimAtOnce()
      await probe.polls(2)
      assert.ok((await probe.take(1)).length === 1, `${taken} were taken, and then no more came`)
    },
    'keeps each lane to itself': async ({ probe }) => {
      const a = probe.refs(ranks(3), { lane: 'a' })
      const b = probe.refs(ranks(3), { lane: 'b' })
      probe.store([...a, ...b])
      await probe.start()
      assert.deepEqual(idsOf(await probe.take(9, ['a'])), idsOf(a))
      assert.deepEqual(idsOf(await probe.take(9, ['b'])), idsOf(b))
    },
    'reports a storage that fails, and goes on when it answers again': async ({ probe }) => {
      const refs = probe.refs([1, 2])
      probe.store(refs)
      probe.storageError = new Error('away')
      await probe.start()
      assert.deepEqual(await probe.take(1), [])
      assert.ok(probe.errors.includes(probe.storageError), 'the error was swallowed')
      probe.storageError = undefined
      assert.deepEqual(idsOf(await probe.take(2)), idsOf(refs))
    },
  }),
  ...topic('overflow', {
    'stays in storage': async ({ probe, windowSize }) => {
      await probe.start()
      await probe.take(1)
      const refs = probe.refs(ranks(6 * windowSize))
      probe.offer(refs)
      await probe.polls(1)
      // From now on storage knows of none of them, so whatever still comes was held in the window.
      probe.ready.clear()
      const held = await probe.take(refs.length)
      assert.ok(held.length <= 2 * windowSize, `it held ${held.length} references with a window of ${windowSize}`)
    },
    'is handed out in the end, in rank order, though the last were offered first': async ({ probe, windowSize }) => {
      await probe.start()
      await probe.take(1)
      const refs = probe.refs(ranks(5 * windowSize).reverse())
      for (let at = 0; at < refs.length; at += 10) probe.offer(refs.slice(at, at + 10))
      assert.deepEqual(idsOf(await probe.drain()), idsOf([...refs].sort(inRankOrder)))
    },
    'of one tenant does not keep another waiting': async ({ probe, windowSize }) => {
      await probe.start()
      await probe.take(1)
      probe.offer(probe.refs(ranks(5 * windowSize), { tenant: 'big' }))
      const small = probe.refs([1e9], { tenant: 'small' })
      probe.offer(small)
      const tenants = (await probe.take(3)).map((ref) => ref.tenant)
      assert.ok(tenants.includes('small'), `served: ${tenants}`)
    },
  }),
  ...topic('poll', {
    'finds what others made ready in a lane that is known': async ({ probe }) => {
      await probe.start()
      assert.deepEqual(await probe.take(1), [])
      const refs = probe.refs([1])
      probe.store(refs)
      probe.woken.length = 0
      await probe.polls(3)
      assert.ok(probe.woken.includes('lane'), 'the host was not woken')
      assert.deepEqual(idsOf(probe.want(1)), idsOf(refs))
    },
    'sees an urgent task of another node in a full window': async ({ probe, windowSize }) => {
      await probe.start()
      await probe.take(1)
      probe.offer(probe.refs(ranks(windowSize)))
      probe.claim(await probe.take(1))
      const urgent = probe.refs([-1])
      probe.store(urgent)
      await probe.polls(3)
      assert.deepEqual(idsOf(await probe.take(1)), idsOf(urgent))
    },
    'asks for nothing of lanes that nobody wanted or offered': async ({ probe }) => {
      probe.store(probe.refs([1], { lane: 'foreign' }))
      await probe.start()
      await probe.polls(3)
      assert.deepEqual(
        probe.asked.filter((asked) => asked.lane === 'foreign'),
        [],
      )
    },
  }),
  ...topic('stop', {
    'hands out nothing any more, takes nothing in, and asks for nothing': async ({ probe, engine }) => {
      await probe.start()
      probe.offer(probe.refs([1, 2, 3]))
      await probe.take(1)
      await engine.stop({ graceMs: 100 })
      const asked = probe.asked.length
      probe.offer(probe.refs([4]))
      assert.deepEqual(await probe.take(4), [])
      assert.equal(probe.asked.length, asked)
    },
    'may come twice, and while storage is being read': async ({ probe, engine }) => {
      probe.store(probe.refs([1, 2, 3]))
      await probe.start()
      probe.want(1)
      await Promise.all([engine.stop({ graceMs: 100 }), engine.stop({ graceMs: 100 })])
      probe.woken.length = 0
      await probe.polls(2)
      assert.deepEqual(probe.woken, [])
      assert.deepEqual(probe.want(1), [])
    },
  }),
]
