import { expect, it } from 'vitest'
import { BatutaError } from '../../src/errors/base-error.js'
import { worstError } from '../../src/storage/worst-error.js'

const data = { storage: 'test' }
const away = new BatutaError('STORAGE_UNAVAILABLE', 'away', { data })
const unknown = new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'unsure', { data })
const refused = new BatutaError('STORAGE_REFUSED', 'never', { data })
const bug = new TypeError('a bug')

it.each([
  [[away, bug, unknown], unknown],
  [[refused, unknown], unknown],
  [[away, refused], refused],
  [[away, bug], bug],
  [[away, away], away],
])('of several errors of a commit the one that leaves most open is told: %#', (errors, told) => {
  expect(worstError(errors)).toBe(told)
})
