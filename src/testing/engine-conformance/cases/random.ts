import { strict as assert } from 'node:assert'
import type { TaskRef } from '../../../engine/engine.js'
import { seededRandom } from '../../../internal/random.js'
import { type EngineCaseContext, topic } from '../engine-conformance.js'

const LANES = ['a', 'b', 'c']
const STEPS = 400

/** A mixture of everything, against the truth in storage. */
export const randomCases = topic('random', {
  'nothing is out twice, nothing is handed out that never was ready, and in the end all was handed out': async (
    context,
  ) => {
    try {
      await anything(context)
    } catch (error) {
      throw new assert.AssertionError({ message: `seed ${context.seed}: ${error}` })
    }
  },
})

async function anything({ probe, engine, windowSize, seed }: EngineCaseContext): Promise<void> {
  const random = seededRandom(seed)
  const upTo = (n: number) => Math.floor(random.next() * n)
  const known = new Set<string>()
  const out = new Map<string, TaskRef>()
  await probe.start()
  const make = (n: number) => {
    const ranks = Array.from({ length: n }, () => upTo(1_000))
    const refs = probe.refs(ranks, { lane: LANES[upTo(3)] ?? 'a', tenant: `tenant-${upTo(4)}` })
    for (const { id } of refs) known.add(id)
    return refs
  }
  const steps: (() => Promise<void> | void)[] = [
    () => probe.offer(make(1 + upTo(windowSize))),
    () => probe.store(make(1 + upTo(windowSize / 2))),
    () => {
      for (const ref of probe.want(1 + upTo(windowSize), LANES.slice(upTo(3)))) {
        assert.ok(known.has(ref.id), `${ref.id} never was`)
        assert.ok(!out.has(ref.id), `${ref.id} is out already`)
        out.set(ref.id, ref)
      }
    },
    () => {
      const some = [...out.values()].filter(() => random.next() < 0.7)
      for (const { id } of some) out.delete(id)
      probe.claim(some)
    },
    () => {
      // Turned out not to be takeable: finished, and offered again because it is still ready.
      const [ref] = out.values()
      if (ref === undefined) return
      out.delete(ref.id)
      engine.finish([ref])
      if (probe.ready.has(ref.id)) engine.offer([ref])
    },
    () => probe.polls(1),
  ]
  for (let i = 0; i < STEPS; i++) await steps[upTo(steps.length)]?.()
  probe.claim([...out.values()])
  await probe.drain(LANES)
  assert.deepEqual([...probe.ready.keys()], [], 'these were never handed out')
}
