import { describe, expect, it } from 'vitest'
import { reportOf, reportText } from '../../src/domain/report.js'

describe('report', () => {
  it('says "sin datos" instead of numbers that nobody counted', () => {
    const empty = reportOf({ messages: [], quotes: [], followUps: [], sheetStates: [], failedTasks: 0 })
    const text = reportText(empty)
    expect(text.match(/sin datos/g)).toHaveLength(9)
    expect(text).not.toMatch(/NaN|Infinity|null|undefined/)
  })

  it('counts', () => {
    const report = reportOf({
      messages: [
        { sessionId: 'a', intent: 'cotizacion', responseMs: 10 },
        { sessionId: 'a', intent: 'cotizacion', responseMs: 20 },
        { sessionId: 'b', intent: 'saludo', responseMs: 31 },
      ],
      quotes: [
        { productName: 'Isodec', netCents: 750_000 },
        { productName: 'Isodec', netCents: 900_001 },
        { productName: 'Lana de Roca', netCents: 100_000 },
      ],
      followUps: ['sent', 'sent', 'pending', 'skipped', 'failed'],
      sheetStates: ['Pendiente', 'Pendiente', 'Enviado', 'Listo', 'Confirmado'],
      failedTasks: 1,
    })
    expect(report).toEqual({
      messages: { count: 3, sessions: 2, byIntent: { cotizacion: 2, saludo: 1 }, averageResponseMs: 20 },
      quotes: {
        count: 3,
        netCents: 1_750_001,
        averageNetCents: 583_334,
        topProducts: [
          { name: 'Isodec', count: 2, percent: 67 },
          { name: 'Lana de Roca', count: 1, percent: 33 },
        ],
      },
      followUps: { sent: 2, pending: 1, skipped: 1, failed: 1 },
      sheet: { rows: 5, byState: { Pendiente: 2, Enviado: 1, Listo: 1, Confirmado: 1 }, conversionPercent: 20 },
      failedTasks: 1,
    })
    expect(reportText(report)).toContain('3 por $ 17.500,01 + IVA')
    expect(reportText(report)).toContain('3 en 2 conversaciones')
    expect(reportText(report)).toContain('2 enviados, 1 pendiente, 1 omitido, 1 fallido')
  })
})
