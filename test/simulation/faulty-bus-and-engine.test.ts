import { describe, expect, it } from 'vitest'
import type { BusMessage } from '../../src/bus/bus.js'
import { BusHub } from '../../src/bus/in-process-bus.js'
import type { Engine, EngineHost, TaskRef } from '../../src/engine/engine.js'
import { seededRandom } from '../../src/internal/random.js'
import { FaultyBus } from '../../src/testing/faults/faulty-bus.js'
import { LossyEngine } from '../../src/testing/faults/lossy-engine.js'
import { ProcessClock } from '../../src/testing/faults/process-clock.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const settled = (n: number): BusMessage => ({ type: 'settled', taskId: `t${n}` })

async function send(faults: { lost?: number; duplicated?: number; delayMs?: [number, number] }, count = 200) {
  const clock = new VirtualClock()
  const hub = new BusHub()
  const sender = new FaultyBus(hub.connect(), { clock, random: seededRandom(5), faults })
  const receiver = new FaultyBus(hub.connect(), { clock, random: seededRandom(6) })
  const heard: string[] = []
  receiver.subscribe((message) => heard.push(JSON.stringify(message)))
  for (let i = 0; i < count; i++) sender.publish(settled(i))
  await clock.advance(1_000)
  return heard
}

describe('FaultyBus', () => {
  it('passes everything on when nothing is wrong', async () => {
    expect(new Set(await send({})).size).toBe(200)
  })

  it('loses and doubles about as many as asked', async () => {
    const lost = await send({ lost: 0.25 })
    expect(lost.length).toBeGreaterThan(120)
    expect(lost.length).toBeLessThan(180)
    const doubled = await send({ duplicated: 0.5 })
    expect(new Set(doubled).size).toBe(200)
    expect(doubled.length).toBeGreaterThan(260)
    expect(doubled.length).toBeLessThan(340)
    expect(await send({ lost: 1 })).toEqual([])
  })

  it('reorders', async () => {
    const heard = await send({ delayMs: [0, 500] })
    expect(heard).not.toEqual(Array.from({ length: 200 }, (_, i) => JSON.stringify(settled(i))))
  })

  it('keeps messages from a frozen process until it thaws, and after unsubscribing', async () => {
    const clock = new VirtualClock()
    const process = new ProcessClock(clock)
    const hub = new BusHub()
    const sender = new FaultyBus(hub.connect(), { clock, random: seededRandom(1) })
    const receiver = new FaultyBus(hub.connect(), { clock, process, random: seededRandom(2) })
    let heard = 0
    const stop = receiver.subscribe(() => heard++)
    process.freeze()
    sender.publish(settled(1))
    await clock.advance(100)
    expect(heard).toBe(0)
    process.thaw()
    await clock.advance(100)
    expect(heard).toBe(1)
    sender.publish(settled(2))
    expect(receiver.subscriptions).toBe(1)
    stop()
    stop()
    expect(receiver.subscriptions).toBe(0)
    await clock.advance(100)
    expect(heard).toBe(1)
  })
})

/** Hands out what it was offered, in order. */
class ListEngine implements Engine {
  readonly name = 'list'
  readonly stopped: number[] = []
  #refs: TaskRef[] = []
  async start() {}
  offer(refs: readonly TaskRef[]) {
    this.#refs.push(...refs)
  }
  want(_lanes: Iterable<string>, n: number) {
    return this.#refs.splice(0, n)
  }
  finish() {}
  async stop(options: { readonly graceMs: number }) {
    this.stopped.push(options.graceMs)
  }
}

const ref = (id: string): TaskRef => ({ id, lane: 'task:*:', tenant: 'default', rank: 0 })

describe('LossyEngine', () => {
  function setup(lostOffer = 0) {
    const made: ListEngine[] = []
    const woken: string[][] = []
    const clock = new VirtualClock()
    const host: EngineHost = {
      clock,
      pollMs: 1_000,
      readReady: async () => [],
      wake: (lanes) => woken.push([...lanes]),
      onError: (error) => {
        throw error
      },
    } as EngineHost
    const make = () => {
      const engine = new ListEngine()
      made.push(engine)
      return engine
    }
    return { engine: new LossyEngine(make, seededRandom(3), { lostOffer }), host, made, woken, clock }
  }

  it('forgets everything, stops the engine underneath, and wakes whoever wanted something', async () => {
    const { engine, host, made, woken, clock } = setup()
    await engine.start(host)
    engine.offer([ref('a'), ref('b')])
    expect(engine.want(['task:*:'], 1).map((each) => each.id)).toEqual(['a'])
    engine.forget()
    expect(engine.want(['task:*:'], 5)).toEqual([])
    await clock.settle()
    expect(made[0]?.stopped).toEqual([0])
    expect(woken).toEqual([['task:*:']])
    engine.offer([ref('c')])
    expect(engine.want(['task:*:'], 5).map((each) => each.id)).toEqual(['c'])
    await engine.stop({ graceMs: 9 })
    expect(made[1]?.stopped).toEqual([9])
    engine.forget()
    expect(made).toHaveLength(2)
  })

  it('loses offers', async () => {
    const { engine, host } = setup(0.5)
    await engine.start(host)
    engine.offer(Array.from({ length: 100 }, (_, i) => ref(`t${i}`)))
    const kept = engine.want(['task:*:'], 100).length
    expect(kept).toBeGreaterThan(30)
    expect(kept).toBeLessThan(70)
  })
})
