import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueAt, followUpText, nextOpening, stageAfter } from '../../src/domain/followup-schedule.js'
import { atLocalHour, dayAndMonth, localTimeOf, longDate } from '../../src/domain/local-time.js'

/** A moment in Montevideo, which is three hours behind UTC all year since 2015. */
const at = (local: string) => new Date(`${local}-03:00`)

describe('when to write again', () => {
  it('one, two and three days later', () => {
    const quoted = at('2026-11-23T10:00:00')
    expect(([1, 2, 3] as const).map((stage) => dueAt(stage, quoted))).toEqual([
      at('2026-11-24T10:00:00'),
      at('2026-11-25T10:00:00'),
      at('2026-11-26T10:00:00'),
    ])
  })

  it.each([
    ['2026-11-23T22:00:00', '2026-11-25T09:00:00'],
    ['2026-11-23T03:15:00', '2026-11-24T09:00:00'],
    ['2026-11-23T08:59:59', '2026-11-24T09:00:00'],
    ['2026-11-23T09:00:00', '2026-11-24T09:00:00'],
    ['2026-11-23T17:59:59', '2026-11-24T17:59:59'],
    ['2026-11-23T18:00:00', '2026-11-25T09:00:00'],
    ['2026-12-31T20:00:00', '2027-01-02T09:00:00'],
  ])('quoted at %s: first at %s', (quoted, due) => {
    expect(dueAt(1, at(quoted))).toEqual(at(due))
  })

  it('is never outside opening hours, never early, and late by less than a night', () => {
    const moments = fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(moments, (moment) => {
        const opening = nextOpening(moment)
        const { hour } = localTimeOf(opening)
        expect(hour).toBeGreaterThanOrEqual(9)
        expect(hour).toBeLessThan(18)
        const lateMs = opening.getTime() - moment.getTime()
        expect(lateMs).toBeGreaterThanOrEqual(0)
        // Fifteen hours, and one more in the night in which the clocks were put back.
        expect(lateMs).toBeLessThanOrEqual(16 * 3_600_000)
        expect(nextOpening(opening)).toEqual(opening)
      }),
    )
  })

  it('knows the summer time that Uruguay used to have', () => {
    // On 9 March 2014 the clocks went back an hour at two in the morning, from UTC-2 to UTC-3.
    expect(nextOpening(new Date('2014-03-08T23:30:00Z'))).toEqual(new Date('2014-03-09T12:00:00Z'))
    expect(atLocalHour(new Date('2014-03-08T12:00:00Z'), 0, 9)).toEqual(new Date('2014-03-08T11:00:00Z'))
  })

  it('three times, then never again', () => {
    expect([0, 1, 2, 3, 4].map(stageAfter)).toEqual([1, 2, 3, undefined, undefined])
  })

  it('says how to make it stop', () => {
    for (const stage of [1, 2, 3] as const) {
      expect(followUpText('cotizacion', stage, 'Ana')).toMatch(/Hola, Ana.*BAJA/)
      expect(followUpText('consulta', stage, undefined)).toMatch(/¡Hola!.*BAJA/)
    }
  })
})

describe('local dates', () => {
  it('are those of Montevideo, not of the machine', () => {
    const lateEvening = new Date('2026-11-24T01:30:00Z')
    expect(dayAndMonth(lateEvening)).toBe('23-11')
    expect(longDate(lateEvening)).toBe('23/11/2026')
  })
})
