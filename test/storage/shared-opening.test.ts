import { describe, expect, it } from 'vitest'
import { SharedOpening } from '../../src/storage/shared-opening.js'
import { gate } from '../support/app.js'

const opening = () => new SharedOpening<string>('any', 'Any')

describe('a storage that is shared', () => {
  it('is opened once, and closed by the last that leaves', async () => {
    const shared = opening()
    let count = 0
    const connect = async () => `connection ${++count}`
    expect(await Promise.all([shared.open(connect), shared.open(connect)])).toEqual(['connection 1', 'connection 1'])
    expect(shared.leave()).toBeUndefined()
    expect(shared.get()).toBe('connection 1')
    expect(shared.leave()).toBe('connection 1')
    expect(shared.leave()).toBeUndefined()
    expect(() => shared.get()).toThrow('The Any storage is not open.')
    expect(await shared.open(connect)).toBe('connection 2')
  })

  it('is not closed under somebody who is just opening it', async () => {
    const shared = opening()
    const slow = gate<string>()
    const first = shared.open(() => slow.opened)
    const second = shared.open(() => slow.opened)
    slow.open('connection')
    await first
    expect(shared.leave()).toBeUndefined()
    expect(await second).toBe('connection')
    expect(shared.get()).toBe('connection')
  })

  it('can be opened again when that failed, also while others still hear of it', async () => {
    const shared = opening()
    const broken = gate<string>()
    const failing = [shared.open(() => broken.opened), shared.open(() => broken.opened)]
    const again = failing[0]?.catch(() => shared.open(async () => 'connection'))
    broken.fail(new Error('away'))
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await again).toBe('connection')
    expect(shared.leave()).toBe('connection')
    expect(shared.leave()).toBeUndefined()
  })
})
