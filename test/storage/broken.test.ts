import { describe, expect, it } from 'vitest'
import { caught } from './broken.js'
import { COMMIT_DEFECTS } from './broken-commits.js'
import { QUERY_DEFECTS } from './broken-queries.js'

describe('the kit notices', () => {
  for (const [name, { defect, cases }] of Object.entries({ ...COMMIT_DEFECTS, ...QUERY_DEFECTS })) {
    it(name, async () => {
      expect(await caught(defect, cases)).toEqual(cases)
    })
  }
})
