import { describe, expect, it } from 'vitest'
import { jsonLogger, redact } from '../src/redact.js'

describe('logs', () => {
  it('show neither telephones nor what customers wrote', () => {
    expect(
      redact({
        phone: '+59894000001',
        note: 'call 094 000 001 please',
        mensaje: 'me llamo Ana',
        nested: [{ text: 'secret' }],
        taskId: '1m847vv5800004j7j48cy5f',
        error: new Error('no answer from +59894000001'),
        count: 3,
        nothing: null,
      }),
    ).toEqual({
      phone: '•••001',
      note: 'call •••001 please',
      mensaje: '[omitted]',
      nested: [{ text: '[omitted]' }],
      taskId: '1m847vv5800004j7j48cy5f',
      error: { name: 'Error', message: 'no answer from •••001' },
      count: 3,
      nothing: null,
    })
  })

  it('are lines of JSON', () => {
    const lines: string[] = []
    jsonLogger((line) => lines.push(line)).warn({ from: '+59894000001' }, 'odd')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', message: 'odd', from: '•••001' })
  })
})
