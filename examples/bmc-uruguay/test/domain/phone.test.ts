import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayPhone, maskPhone, normalisePhone, phoneKey } from '../../src/domain/phone.js'

describe('telephone numbers', () => {
  it.each([
    ['094 000 001', '+59894000001'],
    ['+59894000001', '+59894000001'],
    ['59894000001', '+59894000001'],
    ['0059894000001', '+59894000001'],
    ['94000001', '+59894000001'],
    ['+598 (0)94 000-001', '+59894000001'],
    ['2900 0001', '+59829000001'],
    ['4722.0001', '+59847220001'],
    ['+59812345678', '+59812345678'],
    ['+54 9 11 2345 6789', '+5491123456789'],
  ])('%s is %s', (written, expected) => {
    expect(normalisePhone(written)).toBe(expected)
  })

  it.each(['', '123', '+598123', 'hola', '094 000 0011', '+1', '1+59894000001', '++59894000001', '0000000000'])(
    '%j is none',
    (written) => {
      expect(normalisePhone(written)).toBeUndefined()
    },
  )

  it('normalising twice changes nothing', () => {
    const digits = fc.array(fc.constantFrom(...'0123456789 +-().'), { maxLength: 18 }).map((chars) => chars.join(''))
    fc.assert(
      fc.property(digits, (written) => {
        const phone = normalisePhone(written)
        fc.pre(phone !== undefined)
        expect(phone).toMatch(/^\+[1-9]\d{7,14}$/)
        expect(normalisePhone(phone)).toBe(phone)
      }),
    )
  })

  it('is shown as the team writes it, and masked in logs', () => {
    expect(displayPhone('+59894000001')).toBe('094 000 001')
    expect(displayPhone('+59829000001')).toBe('2900 0001')
    expect(displayPhone('+5491123456789')).toBe('005491123456789')
    expect(phoneKey('094 000 001')).toBe(phoneKey('+59894000001'))
    expect(maskPhone('+59894000001')).toBe('•••001')
    expect(maskPhone('12')).toBe('•••')
  })
})
