import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Entry, NodeContext } from '../../src/coordinator/node-context.js'
import { LaneFloors } from '../../src/coordinator/nodes/lane-floors.js'
import { resolveOptions } from '../../src/coordinator/options/resolve-options.js'
import { ReadyReader } from '../../src/coordinator/ready-query.js'
import { seededRandom } from '../../src/internal/random.js'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

const POLL_MS = 1_000
const first = (rank: number, tenant = 'ana') => ({ tenant, rank })

/** Floors by a clock that is moved by hand, after a read that found this. */
function make(found?: ReturnType<typeof first>, isOnlyTenant = true) {
  const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at, setTimer: () => ({ cancel: () => undefined }) }
  const floors = new LaneFloors(clock, POLL_MS, 10)
  floors.begin('x')(found, isOnlyTenant)
  const hear = (told?: ReturnType<typeof first>) => floors.heard({ type: 'ready', lanes: ['x'], firsts: [told] })
  return { clock, floors, hear }
}

describe('the floor of a lane', () => {
  it('is the lowest that was found, or heard of since', () => {
    const { floors, hear } = make(first(10))
    expect(floors.get('x')).toEqual(first(10))
    hear(first(20))
    expect(floors.get('x')).toEqual(first(10))
    hear(first(5))
    expect(floors.get('x')).toEqual(first(5))
  })

  it('of a lane that was empty is the lowest that was heard of', () => {
    const { floors, hear } = make()
    expect(floors.get('x')).toBeUndefined()
    hear(first(7))
    expect(floors.get('x')).toEqual(first(7))
  })

  it('is not known when something came that could be any, or of another tenant', () => {
    const any = make(first(10))
    any.hear(undefined)
    expect(any.floors.get('x')).toBeUndefined()
    const older = make(first(10))
    older.floors.heard({ type: 'ready', lanes: ['x'] })
    expect(older.floors.get('x')).toBeUndefined()
    const other = make(first(10))
    other.hear(first(20, 'beto'))
    expect(other.floors.get('x')).toBeUndefined()
    expect(make(first(10), false).floors.get('x')).toBeUndefined()
  })

  it('counts what was heard while it was read', () => {
    const { floors, hear } = make(first(10))
    const found = floors.begin('x')
    expect(floors.get('x')).toBeUndefined()
    hear(first(3))
    found(first(10), true)
    expect(floors.get('x')).toEqual(first(3))
    const again = floors.begin('x')
    hear(undefined)
    again(first(10), true)
    expect(floors.get('x')).toBeUndefined()
  })

  it('holds for half a poll interval', () => {
    const { floors, clock } = make(first(10))
    clock.at = POLL_MS / 2 - 1
    expect(floors.get('x')).toEqual(first(10))
    clock.at = POLL_MS / 2
    expect(floors.get('x')).toBeUndefined()
  })
})

/** A lane without agents, and two readers of it: one that begins at its floor, one at the beginning. */
async function twoReaders() {
  const world = await startApp()
  const { node: inner } = world.app.coordinator as never as { node: NodeContext }
  const { settings } = resolveOptions({ pollMs: POLL_MS })
  const begins: unknown[] = []
  const storage: NodeContext['storage'] = {
    ...passing(inner.storage),
    query: (index, query) => {
      begins.push(query.after)
      return inner.storage.query(index, query)
    },
  }
  const node = new NodeContext(settings, storage, world.clock, seededRandom(1), inner.events, inner.log, inner.bus)
  const submit = async (rank: number, tenant: string) => {
    const handle = await world.app.submit({ type: 'x', tenant, priority: rank % 2 === 0 ? 'critical' : 'low' })
    const entry = (await inner.read('task', handle.id)) as Entry
    // As it is heard of from the node that made it.
    node.floors.heard(new LaneFloors(world.clock, POLL_MS, 1).made([entry]))
    return handle
  }
  return { ...world, submit, begins, floored: new ReadyReader(node), whole: new ReadyReader(inner) }
}

describe('a read that begins at the floor', () => {
  it('finds what one from the beginning finds, whatever comes and goes meanwhile', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('submit' as const),
        n: fc.nat(9),
        tenant: fc.constantFrom('ana', 'ana', 'ana', 'beto'),
      }),
      fc.record({ do: fc.constant('cancel' as const), n: fc.nat(200) }),
      fc.record({ do: fc.constant('wait' as const), n: fc.nat(200) }),
      fc.record({ do: fc.constant('read' as const), n: fc.constantFrom(4, 64, 1_000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (steps) => {
        const { app, until, clock, submit, floored, whole } = await twoReaders()
        const handles: Awaited<ReturnType<typeof submit>>[] = []
        for (const step of steps) {
          if (step.do === 'submit') handles.push(await until(submit(step.n, step.tenant)))
          else if (step.do === 'wait') await clock.advance(step.n)
          else if (step.do === 'cancel') {
            const handle = handles[step.n % Math.max(1, handles.length)]
            if (handle !== undefined) await until(handle.cancel())
          } else {
            const ids = async (reader: ReadyReader) =>
              (await until(reader.read('task:x:', step.n, () => true))).map(({ id }) => id).sort()
            expect(await ids(floored)).toEqual(await ids(whole))
          }
        }
        await until(app.shutdown({ graceMs: 0 }))
      }),
      { numRuns: 40 },
    )
  })

  it('is most of them, where one tenant’s tasks come all the time', async () => {
    const { until, clock, submit, begins, floored } = await twoReaders()
    for (let n = 0; n < 100; n++) {
      await until(submit(n, 'ana'))
      await until(floored.read('task:x:', 1_000, () => true))
      await clock.advance(10)
    }
    expect(begins.filter((after) => after === undefined).length).toBeLessThan(10)
    expect(begins.length).toBeGreaterThan(90)
  })
})
