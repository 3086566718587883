import { describe, expect, it } from 'vitest'
import type { BusMessage } from '../../src/bus/bus.js'
import { BusHub } from '../../src/bus/in-process-bus.js'

const settled = (taskId: string): BusMessage => ({ type: 'settled', taskId })
const delivered = () => new Promise((resolve) => setImmediate(resolve))

describe('the bus of one process', () => {
  it('reaches every other one on the hub, and not the sender', async () => {
    const hub = new BusHub()
    const heard: string[] = []
    const buses = ['a', 'b', 'c'].map((name) => {
      const bus = hub.connect()
      bus.subscribe((message) => heard.push(`${name} ${'taskId' in message ? message.taskId : ''}`))
      return bus
    })
    buses[0]?.publish(settled('t1'))
    expect(heard).toEqual([])
    await delivered()
    expect(heard).toEqual(['b t1', 'c t1'])
  })

  it('keeps hubs apart', async () => {
    const heard: BusMessage[] = []
    new BusHub().connect().subscribe((message) => heard.push(message))
    new BusHub().connect().publish(settled('t1'))
    await delivered()
    expect(heard).toEqual([])
  })

  it('stops when unsubscribed or closed', async () => {
    const hub = new BusHub()
    const [sender, left, closed] = [hub.connect(), hub.connect(), hub.connect()]
    const heard: string[] = []
    const unsubscribe = left.subscribe(() => heard.push('left'))
    left.subscribe(() => heard.push('stayed'))
    closed.subscribe(() => heard.push('closed'))
    unsubscribe()
    unsubscribe()
    await closed.close()
    await closed.close()
    sender.publish(settled('t1'))
    await delivered()
    expect(heard).toEqual(['stayed'])
  })

  it('has no trouble with a sender that is alone, or closed', async () => {
    const alone = new BusHub().connect()
    alone.publish(settled('t1'))
    await alone.close()
    alone.publish(settled('t2'))
    await delivered()
    expect(alone.name).toBe('in-process')
  })

  it('gives a message to the other listeners though one of them throws', async () => {
    const hub = new BusHub()
    const sender = hub.connect()
    const heard: string[] = []
    hub.connect().subscribe(() => {
      heard.push('broken')
      throw new Error('a broken listener')
    })
    hub.connect().subscribe(() => heard.push('sound'))
    sender.publish(settled('t1'))
    await delivered()
    expect(heard).toEqual(['broken', 'sound'])
  })
})
