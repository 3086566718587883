import { defineAgent, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { gate } from '../support/app.js'
import { startNodes } from './support.js'

/** As it is where nothing is said, like all other settings here. */
const LEASE_MS = 3_000
const HEARTBEAT_MS = 1_000

const work = defineTask<string, string, never, string, string, never>('work', {})

/** Each node's tasks, begun or done by itself. */
const BY_THEIR_OWN = ['after 0 by 0', 'after 1 by 1', 'during 0 by 0', 'during 1 by 1']

/** Two nodes whose handlers go on until `during` or `after` opens, whatever their signal says; each has begun with one for both. */
async function startBusy(seed = 1) {
  const [during, after] = [gate(), gate()]
  const log: { what: 'begun' | 'told'; input: string; node: number; atMs: number }[] = []
  const options = (node: number) => ({
    agents: [
      defineAgent(`agent-${node}`, {
        maxConcurrentTasks: 20,
        handlers: [
          work.handler(async (input, { signal }) => {
            const note = (what: 'begun' | 'told') => log.push({ what, input, node, atMs: nodes.clock.monotonic() })
            note('begun')
            signal.addEventListener('abort', () => note('told'))
            await (input.startsWith('during') ? during : after).opened
            return `${input} by ${node}`
          }),
        ],
      }),
    ],
    abandonAfterMs: 600_000,
  })
  const nodes = await startNodes({ nodes: 2, seed, options })
  const { apps, clock, until } = nodes
  const lost: string[] = []
  for (const app of apps) app.on('owner:lost', ({ ownerId }) => lost.push(ownerId))
  // A free node starts itself what it is given.
  const submitted = ['during 0', 'during 1', 'after 0', 'after 1'].map((input, n) => apps[n % 2]?.submit(work, input))
  const handles = await until(Promise.all(submitted))
  await clock.advance(100)
  expect(log.map(({ input, node }) => `${input} by ${node}`).sort()).toEqual(BY_THEIR_OWN)
  /** Goes on until the last acknowledged beat of a node was sent so long ago. */
  const untilBeatIs = async (ageMs: number, node = 0) => {
    const age = () => apps[node]?.health().beatAgeMs ?? 0
    while (age() > 20) await clock.advance(1)
    await clock.advance(ageMs - age())
  }
  const results = () => until(Promise.all(handles.map((handle) => handle?.result())), 60_000)
  return { ...nodes, log, lost, during, after, untilBeatIs, results }
}

describe('with the lease that is the default', () => {
  // The last one begins when the next beat is due at once: it takes all of the time in which one was needed.
  it.each([0, 250, 500, 750, 999])(
    'an outage of half a lease that begins %i ms after a beat leaves every handler alone',
    async (ageMs) => {
      const { clock, networks, log, lost, during, after, untilBeatIs, results } = await startBusy()
      await untilBeatIs(ageMs)
      networks[0]?.partition('fail')
      await clock.advance(LEASE_MS / 4)
      during.open()
      await clock.advance(LEASE_MS / 4)
      networks[0]?.heal()
      await clock.advance(2 * LEASE_MS)
      after.open()
      expect((await results()).sort()).toEqual(BY_THEIR_OWN)
      expect(log.map(({ what }) => what)).toEqual(['begun', 'begun', 'begun', 'begun'])
      expect(lost).toEqual([])
    },
  )

  it('a node that is cut off tells its handlers to stop before its lease ends, and only then do others begin', async () => {
    const { clock, networks, log, lost, during, after, untilBeatIs } = await startBusy()
    await untilBeatIs(HEARTBEAT_MS - 1)
    const provenAt = clock.monotonic() - (HEARTBEAT_MS - 1)
    networks[0]?.partition('fail')
    await clock.advance(2 * LEASE_MS)
    const of = (input: string) => log.filter((entry) => entry.input === input)
    for (const input of ['during 0', 'after 0']) {
      expect(of(input).map(({ what, node }) => `${what} on ${node}`)).toEqual(['begun on 0', 'told on 0', 'begun on 1'])
      const [, told, again] = of(input).map(({ atMs }) => atMs - provenAt)
      expect(told).toBeLessThanOrEqual(LEASE_MS)
      expect(again).toBeGreaterThan(LEASE_MS)
    }
    expect(lost).toHaveLength(1)
    for (const gate of [during, after]) gate.open()
    await clock.advance(100)
  })

  it.each([1, 2, 3])(
    'nobody is declared dead by a long outage of all, though one node is back later than the other (%i)',
    async (seed) => {
      const { clock, apps, networks, log, lost, during, after, untilBeatIs, results } = await startBusy(seed)
      const ownerIds = apps.map((app) => app.health().ownerId)
      // The first has seen the last beat of the second.
      await untilBeatIs(HEARTBEAT_MS / 2, 1)
      for (const network of networks) network.partition('fail')
      await clock.advance(10 * LEASE_MS + 100 * seed)
      // From now on the first looks at the second, which it hears nothing of for more than half a lease.
      networks[0]?.heal()
      await clock.advance(0.6 * LEASE_MS)
      networks[1]?.heal()
      await clock.advance(2 * LEASE_MS)
      for (const gate of [during, after]) gate.open()
      expect((await results()).sort()).toEqual(BY_THEIR_OWN)
      expect(log.filter(({ what }) => what === 'begun')).toHaveLength(4)
      expect(apps.map((app) => app.health().ownerId)).toEqual(ownerIds)
      expect(lost).toEqual([])
    },
  )
})
