import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvLine, parseCsv } from '../src/csv.js'
import { csvSheet } from '../src/csv-sheet.js'
import { filePreferences } from '../src/preferences.js'
import { replaceFile } from '../src/replace-file.js'
import { ADMIN_COLUMNS, type AdminRow, isOpen } from '../src/sheet.js'
import { temporaryDir } from './support/team.js'

function row(Arg: string, overrides: Partial<AdminRow> = {}): AdminRow {
  return {
    Arg,
    Estado: 'Pendiente',
    Fecha: '23-11',
    Cliente: 'Ana Gómez',
    'Orig.': 'CH',
    'Telefono-Contacto': '094 000 001',
    'Direccion / Zona': '',
    Consulta: 'ISODEC / 100mm / 50 m²',
    ...overrides,
  }
}

describe('CSV', () => {
  it('comes back as it was written', () => {
    // What starts like a formula is changed on purpose; a lone carriage return is not text.
    const cell = fc.string().filter((text) => !/^[=+\-@\t\r]/.test(text) && !text.includes('\r'))
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 6 }), (lines) => {
        expect(parseCsv(lines.map(csvLine).join(''))).toEqual(lines)
      }),
    )
  })

  it.each(['=1+1', '+59894000001', '-2', '@SUM(A1)', '\t=1'])('%j is text, not a formula', (text) => {
    expect(csvLine([text, 'x'])).toMatch(/^"?'/)
  })

  it('reads what spreadsheets write', () => {
    expect(parseCsv('\uFEFFa,b\n"x ""y""","1\n2"\n\nlast,line')).toEqual([
      ['a', 'b'],
      ['x "y"', '1\n2'],
      ['last', 'line'],
    ])
    expect(parseCsv('')).toEqual([])
    expect(() => parseCsv('a,"b')).toThrow('ends inside a quoted cell')
  })
})

describe('the sheet', () => {
  it('has the columns of the sales team, and a row only once', async () => {
    const path = join(await temporaryDir(), 'admin.csv')
    const sheet = csvSheet(path)
    expect(await sheet.rows()).toEqual([])
    expect(await sheet.append(row('A'))).toBe(2)
    expect(await sheet.append(row('B', { Cliente: 'O"Brien, Juan' }))).toBe(3)
    expect(await sheet.append(row('A'))).toBe(2)
    expect((await sheet.rows()).map(({ Arg, Cliente }) => [Arg, Cliente])).toEqual([
      ['A', 'Ana Gómez'],
      ['B', 'O"Brien, Juan'],
    ])
    expect((await readFile(path, 'utf8')).split('\r\n')[0]).toBe(
      'Arg,Estado,Fecha,Cliente,Orig.,Telefono-Contacto,Direccion / Zona,Consulta',
    )
  })

  it('keeps what people changed, moved and sorted', async () => {
    const path = join(await temporaryDir(), 'admin.csv')
    const columns = [...ADMIN_COLUMNS].reverse()
    const values = row('B', { Estado: 'Confirmado' })
    await writeFile(path, csvLine(columns.map((name) => ` ${name} `)) + csvLine(columns.map((name) => values[name])))
    const sheet = csvSheet(path)
    await sheet.append(row('A'))
    expect((await sheet.rows()).map(({ Arg, Estado }) => [Arg, Estado])).toEqual([
      ['B', 'Confirmado'],
      ['A', 'Pendiente'],
    ])
  })

  it('refuses a file that is something else', async () => {
    const path = join(await temporaryDir(), 'admin.csv')
    await writeFile(path, 'name,age\r\nAna,30\r\n')
    await expect(csvSheet(path).append(row('A'))).rejects.toThrow('has no column Arg')
    await expect(csvSheet(path).check()).rejects.toThrow('has no column Arg')
    await expect(csvSheet(join(path, 'nowhere', 'admin.csv')).check()).rejects.toThrow()
  })

  it('neutralises formulas in what customers say', async () => {
    const path = join(await temporaryDir(), 'admin.csv')
    await csvSheet(path).append(row('A', { Cliente: '=HYPERLINK("http://x","y")' }))
    expect(await readFile(path, 'utf8')).toContain(`"'=HYPERLINK(`)
  })

  it('is open until the customer has decided', () => {
    expect(
      ['Pendiente', 'Adjunto', 'Asignado', 'Enviado', ' listo '].map((Estado) => isOpen(row('A', { Estado }))),
    ).toEqual(Array(5).fill(true))
    expect(['Confirmado', 'Rechazado', '', 'xyz'].map((Estado) => isOpen(row('A', { Estado })))).toEqual(
      Array(4).fill(false),
    )
  })
})

describe('replacing a file', () => {
  it('leaves the old text and no draft when it fails', async () => {
    const dir = await temporaryDir()
    const path = join(dir, 'a-directory')
    await replaceFile(join(dir, 'file'), 'old')
    await expect(replaceFile(join(path, 'file'), 'new')).rejects.toThrow('ENOENT')
    expect(await readdir(dir)).toEqual(['file'])
    expect(await readFile(join(dir, 'file'), 'utf8')).toBe('old')
  })
})

describe('preferences', () => {
  it('survive the process, and two at the same moment', async () => {
    const path = join(await temporaryDir(), 'no-molestar.txt')
    const before = filePreferences(path)
    await Promise.all([before.setOptedOut('+59894000001', true), before.setOptedOut('+59894000002', true)])
    const after = filePreferences(path)
    expect(await after.isOptedOut('094 000 001')).toBe(true)
    expect(await after.isOptedOut('+59894000002')).toBe(true)
    await after.setOptedOut('+59894000001', false)
    expect(await after.isOptedOut('+59894000001')).toBe(false)
    expect(await after.isOptedOut('+59894000002')).toBe(true)
  })
})
