import { expect, it } from 'vitest'
import { LAYOUT } from '../../src/storage/records.js'
import { KEPT, keptLayout, whyNoneOf } from './kept-build.js'

it('a layout that no kept build has is a reason to skip, and under CI a failure; both say how to keep one', () => {
  for (const version of KEPT) expect(whyNoneOf(keptLayout(version), true)).toBeUndefined()
  expect(whyNoneOf(LAYOUT + 1, false)).toMatch(/no build of layout \d+ is kept: `npm run keep-build`/)
  expect(() => whyNoneOf(LAYOUT + 1, true)).toThrow(/scripts\/keep-build\.ts/)
})
