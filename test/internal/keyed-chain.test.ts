import { describe, expect, it } from 'vitest'
import { createDeferred } from '../../src/internal/deferred.js'
import { KeyedChain } from '../../src/internal/keyed-chain.js'

describe('KeyedChain', () => {
  it('runs one after another under a key, side by side under others, and goes on after a failure', async () => {
    const chain = new KeyedChain()
    const first = createDeferred<string>()
    const begun: string[] = []
    const run = (key: string, name: string, until: Promise<string>) =>
      chain.run(key, () => {
        begun.push(name)
        return until
      })
    const results = [
      run('a', 'a1', first.promise),
      run('a', 'a2', Promise.resolve('2')),
      run('b', 'b1', Promise.resolve('3')),
    ]
    expect(begun).toEqual(['a1', 'b1'])
    first.reject(new Error('no'))
    const settled = await Promise.allSettled(results)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(begun).toEqual(['a1', 'b1', 'a2'])
  })
})
