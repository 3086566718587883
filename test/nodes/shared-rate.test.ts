import { defineAgent, defineTask, isBatutaError } from 'batuta'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAgentOptions } from '../../src/task/check-agent.js'
import { mostIn } from '../coordinator/limits/windows.js'
import { startNodes } from './support.js'

interface Rated {
  readonly limit: number
  readonly perMs: number
}

/** Nodes whose one type is limited over all of them; when its handlers started. */
async function startRated(rate: Rated, options: Omit<Parameters<typeof startNodes>[0], 'options'>) {
  const starts: number[] = []
  const call = defineTask<number, number, never, number, number, never>('call', {
    rateLimit: { ...rate, scope: 'all' },
  })
  const nodes = await startNodes({
    ...options,
    options: () => ({
      agents: [
        defineAgent('ana', {
          maxConcurrentTasks: 20,
          handlers: [
            call.handler((n) => {
              starts.push(nodes.clock.monotonic())
              return n
            }),
          ],
        }),
      ],
    }),
  })
  return { ...nodes, starts, call }
}

describe('a rate over all nodes', () => {
  it.each([1, 4])('is used well under backlog, and never exceeded, by %i nodes', async (nodes) => {
    const rate = { limit: 20, perMs: 1_000 }
    const { apps, until, clock, starts, call } = await startRated(rate, { nodes })
    await clock.advance(2_000)
    const from = clock.monotonic()
    const handles = await until(Promise.all(Array.from({ length: 200 }, (_, n) => apps[n % nodes]?.submit(call, n))))
    await until(Promise.all(handles.map((handle) => handle?.result())), 120_000)
    expect(
      mostIn(
        rate.perMs,
        starts.map((at) => ({ at })),
      ),
    ).toBeLessThanOrEqual(rate.limit)
    // A block is 100 ms: 9 windows of 1.1 s after the first, and what polls and refusals cost.
    const tookMs = (starts.at(-1) ?? 0) - from
    expect(tookMs).toBeLessThan(10_500)
  })

  it('costs a node that is alone little: a burst within the limit starts at once', async () => {
    const { apps, until, clock, starts, call } = await startRated({ limit: 50, perMs: 60_000 }, { nodes: 1 })
    await clock.advance(2_000)
    const from = clock.monotonic()
    const handles = await until(Promise.all(Array.from({ length: 50 }, (_, n) => apps[0]?.submit(call, n))))
    await until(Promise.all(handles.map((handle) => handle?.result())), 5_000)
    expect((starts.at(-1) ?? 0) - from).toBeLessThan(200)
  })

  it('gives back what it did not use: another node needs not wait for the window', async () => {
    const { apps, until, clock, starts, call } = await startRated({ limit: 2, perMs: 60_000 }, { nodes: 2 })
    await clock.advance(2_000)
    await until(apps[0]?.run(call, 1) ?? Promise.reject())
    await clock.advance(10_000)
    const from = clock.monotonic()
    await until(apps[1]?.run(call, 2) ?? Promise.reject(), 5_000)
    expect(clock.monotonic() - from).toBeLessThan(2_000)
    expect(starts).toHaveLength(2)
  })

  it('is strict though the storage is slow, unsure and late, and gets on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(1_000),
          limit: fc.integer({ min: 1, max: 6 }),
          perMs: fc.constantFrom(200, 1_000, 5_000),
          slowest: fc.constantFrom(1, 20, 150),
          unsure: fc.constantFrom(0, 0.05, 0.2),
        }),
        async ({ seed, limit, perMs, slowest, unsure }) => {
          const rate = { limit, perMs }
          const faults = {
            latencyMs: [0, slowest] as const,
            outcomeUnknown: unsure,
            duplicated: unsure,
            copyAfterMs: [0, 3_000] as const,
          }
          const { apps, until, starts, call } = await startRated(rate, { nodes: 3, seed, faults })
          const tasks = 4 * limit
          const handles = await until(
            Promise.all(Array.from({ length: tasks }, (_, n) => apps[n % 3]?.submit(call, n))),
          )
          await until(Promise.all(handles.map((handle) => handle?.result())), 600_000)
          expect(
            mostIn(
              perMs,
              starts.map((at) => ({ at })),
            ),
          ).toBeLessThanOrEqual(limit)
          expect(starts.length).toBeGreaterThanOrEqual(tasks)
        },
      ),
      { numRuns: 12 },
    )
  }, 60_000)

  it('is of definitions only', () => {
    const options = { rateLimit: { limit: 1, perMs: 1_000, scope: 'all' as const }, handler: () => 1 }
    const error = thrown(() => startNodesAgent(options))
    expect(isBatutaError(error, 'OPTIONS_INVALID')).toBe(true)
    expect(String(error)).toMatch(/an agent instance is on one node/)
  })
})

function startNodesAgent(options: Parameters<typeof defineAgent>[1]): void {
  checkAgentOptions('ana', defineAgent('ana', options).options)
}

function thrown(call: () => void): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}
