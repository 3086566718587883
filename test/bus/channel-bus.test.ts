import { VirtualClock } from 'batuta/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BusMessage } from '../../src/bus/bus.js'
import { ChannelBus, type TextChannel } from '../../src/bus/channel/channel-bus.js'

/** Texts between buses, as a database would carry them: a sender hears its own too. */
class FakeWire {
  readonly texts: string[] = []
  readonly #listeners = new Set<(text: string) => void>()
  closed = 0

  constructor(readonly maxBytes = 8_000) {}

  say(text: string): void {
    this.texts.push(text)
    for (const listener of [...this.#listeners]) listener(text)
  }

  open(): TextChannel {
    const own = new Set<(text: string) => void>()
    return {
      maxBytes: this.maxBytes,
      publish: (text) => this.say(text),
      subscribe: (listener) => {
        own.add(listener)
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      close: async () => {
        this.closed++
        for (const listener of own) this.#listeners.delete(listener)
      },
    }
  }
}

function setUp(maxBytes?: number, isHeard?: () => boolean) {
  const clock = new VirtualClock()
  const wire = new FakeWire(maxBytes)
  const [sender, receiver] = ['a', 'b'].map(
    (name) => new ChannelBus(() => wire.open(), { clock, sender: name, isHeard }),
  ) as [ChannelBus, ChannelBus]
  const heard: BusMessage[] = []
  const echo: BusMessage[] = []
  receiver.subscribe((message) => heard.push(message))
  sender.subscribe((message) => echo.push(message))
  const publish = async (...messages: readonly BusMessage[]) => {
    for (const message of messages) sender.publish(message)
    await clock.advance(5)
  }
  return { clock, wire, sender, receiver, heard, echo, publish }
}

const EVERY: readonly BusMessage[] = [
  { type: 'part', taskId: 't1', attempt: 1, index: 0, part: { text: 'á' } },
  { type: 'progress', taskId: 't1', attempt: 1, fraction: 0.5, note: 'half' },
  { type: 'cancel', taskId: 't2', reason: 'changed my mind' },
  { type: 'ready', lanes: ['task:x:'], firsts: [{ tenant: 'default', rank: 7.5 }] },
  { type: 'permit', taskType: 'x' },
  { type: 'owner', ownerId: 'o1' },
  { type: 'settled', taskId: 't1' },
]

describe('a bus over a channel for texts', () => {
  it('carries every kind of hint to the others, and not to itself, in one text', async () => {
    const { wire, heard, echo, publish } = setUp()
    await publish(...EVERY)
    expect(heard).toEqual(EVERY)
    expect(echo).toEqual([])
    expect(wire.texts).toHaveLength(1)
  })

  it('says each thing once, of progress the latest, and lanes together', async () => {
    const { heard, publish } = setUp()
    await publish(
      { type: 'ready', lanes: ['a', 'b'] },
      { type: 'settled', taskId: 't1' },
      { type: 'progress', taskId: 't2', attempt: 1, fraction: 0.1 },
      { type: 'ready', lanes: ['b', 'c'] },
      { type: 'settled', taskId: 't1' },
      { type: 'progress', taskId: 't2', attempt: 1, fraction: 0.2 },
      { type: 'permit', taskType: 'x' },
      { type: 'permit', taskType: 'x' },
    )
    expect(heard).toEqual([
      { type: 'progress', taskId: 't2', attempt: 1, fraction: 0.2 },
      { type: 'ready', lanes: ['a', 'b', 'c'] },
      { type: 'permit', taskType: 'x' },
      { type: 'settled', taskId: 't1' },
    ])
  })

  it('says of each lane the lowest rank that became ready, unless it could be any', async () => {
    const { heard, publish } = setUp()
    const first = (rank: number, tenant = 'ana') => ({ tenant, rank })
    await publish(
      { type: 'ready', lanes: ['low', 'mixed', 'any', 'late'], firsts: [first(5), first(5), first(5), undefined] },
      {
        type: 'ready',
        lanes: ['low', 'mixed', 'any', 'late'],
        firsts: [first(3), first(3, 'beto'), undefined, first(1)],
      },
      { type: 'ready', lanes: ['low'], firsts: [first(4)] },
      { type: 'ready', lanes: ['old'] },
    )
    const firsts = [first(3), undefined, undefined, undefined, undefined]
    expect(heard).toEqual([{ type: 'ready', lanes: ['low', 'mixed', 'any', 'late', 'old'], firsts }])
  })

  it('sends a lone hint at once, and within a few milliseconds of it what comes then together', async () => {
    const { clock, wire, sender } = setUp()
    sender.publish({ type: 'settled', taskId: 't1' })
    expect(wire.texts).toHaveLength(0)
    await clock.advance(0)
    expect(wire.texts).toHaveLength(1)
    sender.publish({ type: 'settled', taskId: 't2' })
    await clock.advance(2)
    sender.publish({ type: 'settled', taskId: 't3' })
    expect(wire.texts).toHaveLength(1)
    await clock.advance(1)
    expect(wire.texts).toHaveLength(2)
    await clock.advance(10)
    sender.publish({ type: 'settled', taskId: 't4' })
    await clock.advance(0)
    expect(wire.texts).toHaveLength(3)
  })

  it('leaves out the words that no text can hold, and a part that is too large', async () => {
    const long = 'x'.repeat(300)
    const { heard, publish } = setUp(200)
    await publish(
      { type: 'part', taskId: 't1', attempt: 1, index: 0, part: long },
      { type: 'progress', taskId: 't1', attempt: 1, fraction: 0.5, note: long },
      { type: 'cancel', taskId: 't2', reason: long },
      { type: 'ready', lanes: [long, 'short'] },
    )
    expect(heard).toEqual([
      { type: 'progress', taskId: 't1', attempt: 1, fraction: 0.5 },
      { type: 'cancel', taskId: 't2' },
      { type: 'ready', lanes: ['short'] },
    ])
  })

  it('ignores garbage, and texts of another version', async () => {
    const { wire, heard, publish } = setUp()
    const texts = [
      '',
      '{',
      'null',
      '[]',
      '7',
      '{"v":1}',
      '{"v":2,"from":"c","settled":["t9"]}',
      '{"v":1,"from":"c","settled":"t9","ready":{},"permit":[7],"cancel":[[]],"parts":[["t"]],"progress":[["t","x"]]}',
    ]
    for (const text of texts) wire.say(text)
    expect(heard).toEqual([])
    // A list that a later version added to this one is passed by.
    wire.say('{"v":1,"from":"c","news":[1],"settled":["t1",7]}')
    await publish({ type: 'settled', taskId: 't2' })
    expect(heard).toEqual([
      { type: 'settled', taskId: 't1' },
      { type: 'settled', taskId: 't2' },
    ])
  })

  it('collects nothing while nobody else may listen, nor before it listens itself', async () => {
    let isHeard = false
    const { clock, wire, publish } = setUp(undefined, () => isHeard)
    await publish(...EVERY)
    expect(wire.texts).toEqual([])
    isHeard = true
    await publish(...EVERY)
    expect(wire.texts).toHaveLength(1)
    new ChannelBus(() => wire.open(), { clock, sender: 'c' }).publish({ type: 'settled', taskId: 't1' })
    await clock.advance(10)
    expect(wire.texts).toHaveLength(1)
  })

  it('tells of every text of somebody else, and of none of its own', async () => {
    const { clock, wire, publish } = setUp()
    let others = 0
    const onHeard = () => {
      others++
    }
    const third = new ChannelBus(() => wire.open(), { clock, sender: 'c', onHeard })
    third.subscribe(() => undefined)
    await publish({ type: 'settled', taskId: 't1' })
    third.publish({ type: 'settled', taskId: 't2' })
    await clock.advance(10)
    expect(others).toBe(1)
  })

  it('sends what it has when it is closed, lets go of the channel, and says no more', async () => {
    const { clock, wire, sender, heard } = setUp()
    sender.publish({ type: 'settled', taskId: 't1' })
    await sender.close()
    await sender.close()
    sender.publish({ type: 'settled', taskId: 't2' })
    await clock.advance(10)
    expect(heard).toEqual([{ type: 'settled', taskId: 't1' }])
    expect(wire.closed).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('gives a hint to the other listeners though one of them throws', async () => {
    const { receiver, publish } = setUp()
    const heard: string[] = []
    receiver.subscribe(() => {
      throw new Error('a broken listener')
    })
    const leave = receiver.subscribe(() => heard.push('sound'))
    await publish({ type: 'settled', taskId: 't1' })
    leave()
    await publish({ type: 'settled', taskId: 't2' })
    expect(heard).toEqual(['sound'])
  })

  it('loses nothing but words, whatever is said, and keeps every text within its bytes', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 })
    const attempt = fc.integer({ min: 1, max: 3 })
    const message: fc.Arbitrary<BusMessage> = fc.oneof(
      fc.record({ type: fc.constant('settled' as const), taskId: text }),
      fc.record({ type: fc.constant('cancel' as const), taskId: text }),
      fc.record({ type: fc.constant('permit' as const), taskType: text }),
      fc.record({ type: fc.constant('ready' as const), lanes: fc.array(text, { minLength: 1, maxLength: 5 }) }),
      fc.record({ type: fc.constant('progress' as const), taskId: text, attempt, fraction: fc.constant(0.5) }),
      fc.record({ type: fc.constant('part' as const), taskId: text, attempt, index: fc.nat(9), part: fc.array(text) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 60 }),
        fc.integer({ min: 3_000, max: 9_000 }),
        async (said, max) => {
          const { wire, heard, publish } = setUp(max)
          await publish(...said)
          for (const each of wire.texts) expect(Buffer.byteLength(each)).toBeLessThanOrEqual(max)
          const facts = (messages: readonly BusMessage[]) =>
            new Set(
              messages.flatMap((each) =>
                each.type === 'ready'
                  ? each.lanes.map((lane) => `ready ${lane}`)
                  : [JSON.stringify(Object.entries(each).sort())],
              ),
            )
          expect(facts(heard)).toEqual(facts(said))
          const parts = (messages: readonly BusMessage[]) => messages.filter(({ type }) => type === 'part')
          expect(parts(heard)).toEqual(parts(said))
        },
      ),
      { numRuns: 150 },
    )
  })
})
