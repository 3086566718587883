import { describe, expect, it } from 'vitest'
import { checkWaitOptions } from '../../src/task/check-submit.js'
import { thrownBy } from './thrown-by.js'

describe('how long a caller waits', () => {
  it('may be left out, and be for ever', () => {
    const { signal } = new AbortController()
    for (const options of [undefined, {}, { waitMs: undefined, signal: undefined }, { waitMs: 0, signal }])
      expect(() => checkWaitOptions(options)).not.toThrow()
    expect(() => checkWaitOptions({ waitMs: Number.POSITIVE_INFINITY })).not.toThrow()
  })

  it('is refused when it is no time, no signal, or nothing known', () => {
    const paths = (options: unknown) => thrownBy(() => checkWaitOptions(options)).paths
    expect(paths({ waitMs: -1 })).toEqual(['waitMs'])
    expect(paths({ waitMs: Number.NaN, signal: {}, waitms: 1 }).sort()).toEqual(['signal', 'waitMs', 'waitms'])
    expect(paths(5)).toEqual([''])
  })
})
