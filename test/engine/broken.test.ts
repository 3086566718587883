import { describe, expect, it } from 'vitest'
import type { Engine, EngineHost, TaskRef } from '../../src/engine/engine.js'
import { inProcessEngine } from '../../src/engine/in-process/in-process-engine.js'
import { runEngineConformance } from '../../src/testing/engine-conformance/index.js'

const WINDOW = 40

/** What a broken engine does in its own way; the rest is the in-process engine's. */
type Defect = (inner: Engine) => Partial<Engine>

function withDefect(defect: Defect): Engine {
  const inner = inProcessEngine({ windowSize: WINDOW })
  const sound: Engine = {
    name: inner.name,
    start: (host) => inner.start(host),
    offer: (refs) => inner.offer(refs),
    want: (lanes, n) => inner.want(lanes, n),
    finish: (refs) => inner.finish(refs),
    stop: (options) => inner.stop(options),
  }
  return { ...sound, ...defect(inner) }
}

/** The clauses that an engine with this defect fails. */
async function failedBy(defect: Defect): Promise<string[]> {
  const create = async () => {
    const engine = withDefect(defect)
    return { engine, windowSize: WINDOW, dispose: () => engine.stop({ graceMs: 0 }) }
  }
  const { failed } = await runEngineConformance({ create })
  return failed.map(({ case: { topic, name } }) => `${topic}: ${name}`)
}

/** An engine whose host is told or asked something else. */
function withHost(change: (host: EngineHost) => Partial<EngineHost>): Defect {
  return (inner) => ({ start: (host) => inner.start({ ...host, ...change(host) }) })
}

/** Answers that are changed on their way. */
function withAnswer(change: (refs: TaskRef[], n: number, inner: Engine) => TaskRef[]): Defect {
  return (inner) => ({ want: (lanes, n) => change(inner.want(lanes, n), n, inner) })
}

/** Holds everything for ever, in one list: no window, no refill, nothing handed out twice. */
const unbounded: Defect = (inner) => {
  let held: TaskRef[] = []
  const out = new Set<string>()
  return {
    offer: (refs) => {
      const isNew = (ref: TaskRef) => !out.has(ref.id) && !held.some((one) => one.id === ref.id)
      held = [...held, ...refs.filter(isNew)].sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1))
    },
    want: (lanes, n) => {
      const asked = new Set(lanes)
      const got = held.filter((ref) => asked.has(ref.lane)).slice(0, n)
      held = held.filter((ref) => !got.includes(ref))
      for (const ref of got) out.add(ref.id)
      return [...got, ...inner.want(asked, n - got.length)]
    },
    finish: (refs) => {
      for (const { id } of refs) out.delete(id)
      inner.finish(refs)
    },
  }
}

const broken: readonly (readonly [string, Defect, string])[] = [
  [
    'drops what is offered',
    () => ({ offer: () => undefined }),
    'want: puts an urgent task that is offered later first',
  ],
  [
    'changes what it was given',
    withAnswer((refs) => refs.map((ref) => ({ ...ref, tenant: 'somebody' }))),
    'offer: what was offered is handed out, with id, lane, tenant and rank',
  ],
  [
    'takes a duplicate for something new',
    (inner) => ({
      offer: (refs) => {
        inner.finish(refs)
        inner.offer(refs)
      },
    }),
    'offer: a reference that it holds already is offered in vain',
  ],
  [
    'gives one more than was asked for',
    (inner) => ({ want: (lanes, n) => inner.want(lanes, n + 1) }),
    'want: answers at once, with nothing when there is nothing, and never with more than was asked for',
  ],
  [
    'gives the highest rank first',
    (inner) => ({
      start: (host) =>
        inner.start({
          ...host,
          readReady: async (lane, limit) =>
            (await host.readReady(lane, limit)).map((ref) => ({ ...ref, rank: -ref.rank })),
        }),
      offer: (refs) => inner.offer(refs.map((ref) => ({ ...ref, rank: -ref.rank }))),
      want: (lanes, n) => inner.want(lanes, n).map((ref) => ({ ...ref, rank: -ref.rank })),
    }),
    'want: gives the lowest rank first; ties go by id',
  ],
  [
    'hands out in the order of the offers',
    (inner) => {
      let order = 0
      const ranks = new Map<string, number>()
      return {
        offer: (refs) => {
          for (const { id, rank } of refs) ranks.set(id, rank)
          inner.offer(refs.map((ref) => ({ ...ref, rank: order++ })))
        },
        want: (lanes, n) => inner.want(lanes, n).map((ref) => ({ ...ref, rank: ranks.get(ref.id) ?? ref.rank })),
      }
    },
    'want: puts an urgent task that is offered later first',
  ],
  [
    'empties one lane before the next',
    (inner) => ({
      want: (lanes, n) => {
        const refs: TaskRef[] = []
        for (const lane of [...lanes].sort().reverse()) refs.push(...inner.want([lane], n - refs.length))
        return refs
      },
    }),
    'want: gives the lowest ranks over the lanes that were asked for, and of no others',
  ],
  [
    'hands out of lanes that were not asked for',
    (inner) => ({ want: (lanes, n) => inner.want([...lanes, 'a', 'b', 'c'], n) }),
    'want: gives the lowest ranks over the lanes that were asked for, and of no others',
  ],
  [
    'takes arrays only',
    (inner) => ({ want: (lanes, n) => (Array.isArray(lanes) ? inner.want(lanes, n) : []) }),
    'want: takes lanes as any iterable, and lanes it has never heard of',
  ],
  [
    'forgets what it has handed out',
    withAnswer((refs, _n, inner) => {
      inner.finish(refs)
      return refs
    }),
    'want: hands nothing out twice before it is finished',
  ],
  [
    'never lets go of what is finished',
    () => ({ finish: () => undefined }),
    'finish: lets a task that is ready again be handed out again, with the rank that it has now',
  ],
  [
    'puts back what is finished',
    (inner) => ({
      finish: (refs) => {
        inner.finish(refs)
        inner.offer(refs)
      },
    }),
    'finish: forgets what was claimed',
  ],
  [
    'knows no tenants',
    (inner) => {
      const tenants = new Map<string, string>()
      const hidden = (ref: TaskRef) => {
        tenants.set(ref.id, ref.tenant)
        return { ...ref, tenant: 'all' }
      }
      return {
        start: (host) =>
          inner.start({
            ...host,
            readReady: async (lane, limit) => (await host.readReady(lane, limit)).map(hidden),
          }),
        offer: (refs) => inner.offer(refs.map(hidden)),
        want: (lanes, n) => inner.want(lanes, n).map((ref) => ({ ...ref, tenant: tenants.get(ref.id) ?? '' })),
      }
    },
    'tenants: a tenant that comes later waits for at most one task of each other',
  ],
  [
    'reads storage never',
    withHost(() => ({ readReady: async () => [] })),
    'refill: finds what was ready before it started, and wakes the host',
  ],
  [
    'reads storage but wakes nobody',
    withHost(() => ({ wake: () => undefined })),
    'poll: finds what others made ready in a lane that is known',
  ],
  [
    'takes what it has read for all there is',
    withHost((host) => ({ readReady: async (lane, limit) => (await host.readReady(lane, limit)).slice(0, limit - 1) })),
    'refill: goes on by itself when its window has run low: nobody waits for a poll',
  ],
  [
    'waits for the poll before it reads more',
    (inner) => {
      let isPolling = false
      return {
        start: (host) =>
          inner.start({
            ...host,
            clock: {
              ...host.clock,
              now: () => host.clock.now(),
              monotonic: () => host.clock.monotonic(),
              setTimer: (fn, ms) =>
                host.clock.setTimer(() => {
                  isPolling = true
                  fn()
                  isPolling = false
                }, ms),
            },
            readReady: async (lane, limit) => {
              if (!isPolling) throw new Error('not now')
              return host.readReady(lane, limit)
            },
            onError: () => undefined,
          }),
      }
    },
    'refill: goes on by itself when its window has run low: nobody waits for a poll',
  ],
  [
    'mixes lanes up in a refill',
    withHost((host) => ({
      readReady: async (lane, limit) => {
        const both = await Promise.all(['a', 'b'].map((each) => host.readReady(each, limit)))
        return [...(await host.readReady(lane, limit)), ...both.flat()].map((ref) => ({ ...ref, lane }))
      },
    })),
    'refill: keeps each lane to itself',
  ],
  [
    'swallows the errors of storage',
    withHost(() => ({ onError: () => undefined })),
    'refill: reports a storage that fails, and goes on when it answers again',
  ],
  ['holds without a bound', unbounded, 'overflow: stays in storage'],
  [
    'never looks again',
    withHost((host) => ({
      clock: {
        now: () => host.clock.now(),
        monotonic: () => host.clock.monotonic(),
        setTimer: () => ({ cancel: () => undefined }),
      },
    })),
    'poll: sees an urgent task of another node in a full window',
  ],
  [
    'asks for lanes of its own making',
    withHost((host) => ({
      clock: {
        now: () => host.clock.now(),
        monotonic: () => host.clock.monotonic(),
        setTimer: (fn, delayMs) =>
          host.clock.setTimer(() => {
            host.readReady('foreign', 1).catch(() => undefined)
            fn()
          }, delayMs),
      },
    })),
    'poll: asks for nothing of lanes that nobody wanted or offered',
  ],
  [
    'goes on after stop',
    () => ({ stop: async () => undefined }),
    'stop: hands out nothing any more, takes nothing in, and asks for nothing',
  ],
  [
    'stops only once',
    (inner) => {
      let isStopped = false
      return {
        stop: async (options) => {
          if (isStopped) throw new Error('stopped before')
          isStopped = true
          await inner.stop(options)
        },
      }
    },
    'stop: may come twice, and while storage is being read',
  ],
  ['has no name', () => ({ name: '' }), 'offer: says what it is'],
]

describe('an engine that', () => {
  it.each(broken)('%s is noticed', async (_what, defect, clause) => {
    expect(await failedBy(defect)).toContain(clause)
  })

  it('is sound passes every clause', async () => {
    expect(await failedBy(() => ({}))).toEqual([])
  })
})
