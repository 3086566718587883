import { defineAgent, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { startNodes } from '../nodes/support.js'

const work = defineTask<number, number, never, number, number, never>('work', {})
const URGENT = Array.from({ length: 20 }, (_, n) => n)

/** Whoever has had an answer asks at once for the next: each slot is free only for the moment in between. */
const CASES = [
  { what: 'both nodes', isBusy: false, slots: 1, clients: 1, latencyMs: 5, workMs: 150 },
  { what: 'one, while the other is busy for long', isBusy: true, slots: 1, clients: 1, latencyMs: 10, workMs: 50 },
  { what: 'one, by more than it has slots', isBusy: true, slots: 4, clients: 5, latencyMs: 5, workMs: 10 },
].flatMap((options) => [1, 2, 3, 4, 5].map((seed) => ({ ...options, seed })))

describe('urgent tasks, while somebody asks for one task after the other of', () => {
  it.each(CASES)('$what, are done first (seed $seed)', async ({ seed, isBusy, slots, clients, latencyMs, workMs }) => {
    const startedAt = new Map<number, number>()
    const nodes = await startNodes({
      nodes: 2,
      seed,
      faults: { latencyMs: [latencyMs, latencyMs + 1] },
      options: (node) => ({
        agents: [
          defineAgent(`agent-${node}`, {
            maxConcurrentTasks: slots,
            handlers: [
              work.handler(async (n) => {
                startedAt.set(n, nodes.clock.now())
                await new Promise<void>((resolve) => nodes.clock.setTimer(resolve, n < 0 ? 250_000 : workMs))
                return n
              }),
            ],
          }),
        ],
      }),
    })
    const { apps, until, clock } = nodes
    const [ours, other] = apps as [(typeof apps)[0], (typeof apps)[0]]
    await clock.advance(3_000)
    ours.pause('agent-0')
    if (isBusy) for (let n = 1; n <= slots; n++) await until(other.submit(work, -n))
    await clock.advance(1_500)
    ours.resume('agent-0')
    let n = 1_000
    let isOver = false
    const ask = async (app: typeof ours) => {
      while (!isOver) await app.run(work, n++)
    }
    const asking = (isBusy ? [ours] : apps).flatMap((app) => Array.from({ length: clients }, () => ask(app)))
    await clock.advance(500)
    await until(Promise.all(URGENT.map((n) => ours.submit(work, n, { priority: 'critical' }))))
    const submittedAt = clock.now()
    await clock.advance(6_000)
    isOver = true
    await until(Promise.all(asking))
    const waits = URGENT.map((n) => (startedAt.get(n) ?? Number.POSITIVE_INFINITY) - submittedAt)
    expect(Math.max(...waits)).toBeLessThan(5_000)
  })
})
