import { defineAgent, defineTask, memoryStorage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { gate, startApp } from '../support/app.js'

const POLL_MS = 1_000
const work = defineTask<string, string, never, string, string, never>('work', {})

/** One node that asks and one that works, over one storage that carries no hints. */
async function startTwo(
  handler: (input: string, ctx: Parameters<Parameters<typeof work.handler>[0]>[1]) => Promise<string>,
) {
  const clock = new VirtualClock()
  const storage = memoryStorage({ now: () => clock.now() })
  // Beats are rarer than polls: what is found by then was not found by a beat.
  const options = { clock, storage, pollMs: POLL_MS, heartbeatMs: 5_000, leaseMs: 20_000 }
  const asking = await startApp({ ...options, tasks: [work] })
  const agents = [defineAgent('ana', { maxConcurrentTasks: 1_000, handlers: [work.handler(handler)] })]
  const working = await startApp({ ...options, agents, random: seededRandom(2) })
  await clock.advance(1_000)
  return { clock, asking, working }
}

describe('where no bus carries hints, within a poll interval', () => {
  it('everybody who waits is told of an end, however many wait', async () => {
    const ended = gate()
    const { asking, clock } = await startTwo(async (input) => {
      await ended.opened
      return input
    })
    const handles = await asking.until(Promise.all(Array.from({ length: 1_000 }, () => asking.app.submit(work, 'x'))))
    let told = 0
    for (const handle of handles)
      void handle.result().then(
        () => told++,
        () => undefined,
      )
    await clock.advance(5_000)
    expect(told).toBe(0)
    ended.open()
    await clock.advance(POLL_MS + 100)
    expect(told).toBe(1_000)
  })

  it('a handler is told that its task was cancelled', async () => {
    let reason: unknown
    const { asking, clock } = await startTwo(
      (_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(signal.reason)
          }),
        ),
    )
    const handle = await asking.until(asking.app.submit(work, 'x'))
    await clock.advance(2_500)
    expect(await asking.until(handle.cancel('customer left'))).toBe(true)
    await clock.advance(POLL_MS)
    expect(reason).toMatchObject({ message: 'customer left' })
  })
})

it('where no bus carries hints, progress comes with the beats: the latest of each task', async () => {
  const { asking, clock } = await startTwo(async (_, ctx) => {
    for (let i = 1; i <= 100; i++) {
      ctx.progress(i / 100, 'on it'.padEnd(500, '.'))
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 200))
    }
    return 'done'
  })
  const seen: { readonly fraction?: number; readonly note?: string }[] = []
  asking.app.on('task:progress', (event) => seen.push(event))
  const handle = await asking.until(asking.app.submit(work, 'x'))
  void handle.result().catch(() => undefined)
  await clock.advance(20_000)
  const fractions = seen.map(({ fraction }) => fraction ?? 0)
  expect(fractions.length).toBeGreaterThanOrEqual(3)
  expect(fractions.length).toBeLessThanOrEqual(5)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
  expect(seen[0]).toMatchObject({ taskId: handle.id, attempt: 1 })
  expect(seen[0]?.note).toHaveLength(200)
})

it('where no bus carries hints, a node that runs a task itself is told of its progress once', async () => {
  const { working, clock } = await startTwo(async (_, ctx) => {
    for (const fraction of [0.25, 0.75]) {
      ctx.progress(fraction)
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 1_000))
    }
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 10_000))
    return 'done'
  })
  const seen: (number | undefined)[] = []
  working.app.on('task:progress', ({ fraction }) => seen.push(fraction))
  const handle = await working.until(working.app.submit(work, 'x'))
  void handle.result().catch(() => undefined)
  await clock.advance(12_000)
  expect(seen).toEqual([0.25, 0.75])
})
