import { defineAgent, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { startNodes } from './support.js'

const work = defineTask<number, number, never, number, number, never>('work', {})

const numbersTo = (count: number) => Array.from({ length: count }, (_, n) => n)

/** Five agents of three slots each, on every node, that take from 0 to 40 ms. */
function team(
  clockOf: () => { setTimer(fn: () => void, ms: number): unknown },
  onStart: (n: number, node: number) => void,
) {
  return (node: number) => ({
    agents: ['ana', 'beto', 'carla', 'dario', 'elena'].map((id) =>
      defineAgent(id, {
        maxConcurrentTasks: 3,
        handlers: [
          work.handler(async (n) => {
            onStart(n, node)
            await new Promise<void>((resolve) => clockOf().setTimer(resolve, (n * 7) % 41))
            return n
          }),
        ],
      }),
    ),
  })
}

/** Of all that is submitted to one of four nodes or to each in turn. Without hints others learn of it by their polls only, while it is free to who made it. */
const CASES = [
  { bus: true, ofBacklog: 0.05, ofBursts: 0.05 },
  { bus: false, ofBacklog: 0.5, ofBursts: 0.1 },
]

describe.each(CASES)('four nodes over one storage, with hints: $bus', ({ bus, ofBacklog, ofBursts }) => {
  it('share a backlog with few claims refused, each doing its part', async () => {
    const tasks = 1_200
    const byNode = [0, 0, 0, 0]
    const nodes = await startNodes({
      nodes: 4,
      bus,
      options: team(
        () => nodes.clock,
        (_, node) => {
          byNode[node] = (byNode[node] ?? 0) + 1
        },
      ),
    })
    const { apps, until, claims, clock } = nodes
    await clock.advance(3_000)
    const submitted = Array.from({ length: tasks }, (_, n) => apps[n % 4]?.submit(work, n))
    const handles = await until(Promise.all(submitted))
    await until(Promise.all(handles.map((handle) => handle?.result())), 60_000)
    expect(claims.made).toBeGreaterThan(tasks * 0.9)
    expect(claims.refused).toBeLessThan(tasks * ofBacklog)
    for (const count of byNode) expect(count).toBeGreaterThan(tasks / 6)
  })

  it('share what comes in bursts to one of them, and start it no later than one that does it alone', async () => {
    const random = seededRandom(3)
    const startedAt: number[] = []
    const nodes = await startNodes({
      nodes: 4,
      bus,
      options: team(
        () => nodes.clock,
        (n) => {
          startedAt[n] = nodes.clock.now()
        },
      ),
    })
    const { apps, until, claims, clock } = nodes
    await clock.advance(3_000)
    const results: Promise<unknown>[] = []
    const submittedAt: number[] = []
    for (let n = 0; n < 1_000; ) {
      for (let burst = 1 + Math.floor(random.next() * 40); burst > 0 && n < 1_000; burst--, n++) {
        submittedAt[n] = clock.now()
        const handle = apps[0]?.submit(work, n)
        if (handle !== undefined) results.push(handle.then((each) => each.result()))
      }
      await clock.advance(random.next() * 30)
    }
    await until(Promise.all(results), 60_000)
    const waits = startedAt.map((at, n) => at - (submittedAt[n] ?? 0)).sort((a, b) => a - b)
    expect(claims.refused).toBeLessThan(1_000 * ofBursts)
    // With a bus all four help at once, else from their next poll on.
    expect(waits[500]).toBeLessThan(bus ? 15 : 500)
    expect(waits[990]).toBeLessThan(bus ? 80 : 1_100)
  })
})

describe('nodes that begin one after the other', () => {
  it('share a backlog that waits for them with few claims refused', async () => {
    const tasks = 2_000
    const byNode = [0, 0, 0, 0, 0]
    const worker = (node: number) =>
      defineAgent('ana', {
        maxConcurrentTasks: 100,
        handlers: [
          work.handler(async (n) => {
            byNode[node] = (byNode[node] ?? 0) + 1
            await new Promise<void>((resolve) => nodes.clock.setTimer(resolve, 10))
            return n
          }),
        ],
      })
    const nodes = await startNodes({
      nodes: 1,
      faults: { latencyMs: [3, 12] },
      options: (node) => (node === 0 ? {} : { agents: [worker(node)] }),
    })
    const { apps, until, claims, clock, start } = nodes
    await until(apps[0]?.submitMany(work, numbersTo(tasks)) ?? Promise.reject())
    for (const node of [1, 2, 3, 4]) {
      await until(start(node))
      await clock.advance(30)
    }
    await clock.advance(2_000)
    expect(claims.made).toBe(tasks)
    expect(claims.refused).toBeLessThan(0.02 * tasks)
    for (const count of byNode.slice(1)) expect(count).toBeGreaterThan(tasks / 10)
  })
})

describe('a node that comes to others', () => {
  it('takes what waits only when they have heard of it, and starts at once what is submitted to it', async () => {
    const startedAt = new Map<number, number>()
    const ana = work.handler((n) => {
      startedAt.set(n, nodes.clock.now())
      return n
    })
    const nodes = await startNodes({
      nodes: 1,
      options: (node) => (node === 0 ? {} : { agents: [defineAgent('ana', { handlers: [ana] })] }),
    })
    const { apps, until, clock, start } = nodes
    await until(apps[0]?.submit(work, 1) ?? Promise.reject())
    await until(start(1))
    const from = clock.now()
    await until(apps[1]?.submit(work, 2) ?? Promise.reject())
    await clock.advance(100)
    expect((startedAt.get(2) ?? 0) - from).toBeLessThan(20)
    expect((startedAt.get(1) ?? 0) - from).toBeGreaterThan(30)
  })
})

describe('tasks that a process adds which does none of them', () => {
  it('are read about once each, not by each of the four nodes that do them', async () => {
    const tasks = 2_000
    const started = new Set<number>()
    const workers = team(
      () => nodes.clock,
      (n) => started.add(n),
    )
    const nodes = await startNodes({
      nodes: 5,
      faults: { latencyMs: [1, 3] },
      options: (node) => (node === 0 ? {} : workers(node)),
    })
    const { apps, until, reads, clock } = nodes
    await clock.advance(3_000)
    await until(apps[0]?.submitMany(work, numbersTo(tasks)) ?? Promise.reject())
    while (started.size < tasks) await clock.advance(100)
    // Were more asked for than keys, it would be a dozen records for each.
    expect(reads.records).toBeLessThan(2 * tasks)
    expect(reads.keys).toBeGreaterThan(tasks)
  })
})

describe('a task that is for a busy node first', () => {
  it('is done by an idle one within milliseconds', async () => {
    const nodes = await startNodes({
      nodes: 2,
      options: (node) => ({
        agents: [
          defineAgent('ana', {
            maxConcurrentTasks: node === 0 ? 1 : 50,
            handlers: [
              work.handler(async (ms) => {
                await new Promise<void>((resolve) => nodes.clock.setTimer(resolve, ms))
                return node
              }),
            ],
          }),
        ],
      }),
    })
    const { apps, until, clock } = nodes
    await clock.advance(3_000)
    // From now on the first node is busy for long.
    const long = await until(apps[0]?.submit(work, 50_000) ?? Promise.reject())
    await clock.advance(100)
    const from = clock.now()
    const handles = await until(Promise.all(Array.from({ length: 40 }, () => apps[0]?.submit(work, 1))))
    const by = await until(Promise.all(handles.map((handle) => handle?.result())), 5_000)
    expect(new Set(by)).toEqual(new Set([1]))
    expect(clock.now() - from).toBeLessThan(200)
    await until(long.cancel())
  })
})

describe.each([{ bus: true }, { bus: false }])('two nodes over one storage, with hints: $bus', ({ bus }) => {
  it('leave nothing lying for one whose slots are long taken, however much the other has of its own', async () => {
    const endedAt = new Map<number, number>()
    const nodes = await startNodes({
      nodes: 2,
      bus,
      options: (node) => ({
        agents: [
          defineAgent(`agent-${node}`, {
            maxConcurrentTasks: 4,
            handlers: [
              work.handler(async (n) => {
                const ms = n < 0 ? 60_000 : 20
                await new Promise<void>((resolve) => nodes.clock.setTimer(resolve, ms))
                endedAt.set(n, nodes.clock.now())
                return n
              }),
            ],
          }),
        ],
      }),
    })
    const { apps, until, clock } = nodes
    await clock.advance(3_000)
    const [free, busy] = apps as [(typeof apps)[0], (typeof apps)[0]]
    // Every slot of one node is taken for a minute.
    free.pause('agent-0')
    await until(Promise.all([-1, -2, -3, -4].map((n) => busy.submit(work, n))))
    await clock.advance(1_500)
    free.resume('agent-0')
    // The other one always has something of its own to do.
    const begun = clock.now()
    let n = 1_000
    const stream = setEvery(clock, 40, () => void Promise.all(Array.from({ length: 24 }, () => busy.submit(work, n++))))
    await clock.advance(2_000)
    const urgent = Array.from({ length: 10 }, (_, i) => i)
    await until(Promise.all(urgent.map((i) => free.submit(work, i, { priority: 'critical' }))))
    const submittedAt = clock.now()
    await clock.advance(6_000)
    stream.cancel()
    expect(clock.now() - begun).toBeLessThan(60_000)
    expect(urgent.filter((i) => !endedAt.has(i))).toEqual([])
    for (const i of urgent) expect((endedAt.get(i) ?? 0) - submittedAt).toBeLessThan(3_000)
  })
})

/** Calls something again and again, by that clock. */
function setEvery(clock: { setTimer(fn: () => void, ms: number): { cancel(): void } }, ms: number, fn: () => void) {
  let timer = clock.setTimer(tick, ms)
  function tick() {
    fn()
    timer = clock.setTimer(tick, ms)
  }
  return { cancel: () => timer.cancel() }
}
