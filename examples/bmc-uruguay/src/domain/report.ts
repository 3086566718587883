import { formatPesos } from './money.js'

/** What the report counts: facts that were recorded, and nothing that would have to be guessed. */
export interface ReportFacts {
  readonly messages: readonly { readonly sessionId: string; readonly intent: string; readonly responseMs: number }[]
  readonly quotes: readonly { readonly productName: string; readonly netCents: number }[]
  readonly followUps: readonly ('pending' | 'sent' | 'skipped' | 'failed')[]
  /** The state of every row of the sheet, as the sales team left it. */
  readonly sheetStates: readonly string[]
  readonly failedTasks: number
}

/** Counts. `null` means that there is nothing to take an average of. */
export interface Report {
  readonly messages: {
    readonly count: number
    readonly sessions: number
    readonly byIntent: Readonly<Record<string, number>>
    readonly averageResponseMs: number | null
  }
  readonly quotes: {
    readonly count: number
    /** Before IVA. */
    readonly netCents: number
    readonly averageNetCents: number | null
    readonly topProducts: readonly { readonly name: string; readonly count: number; readonly percent: number }[]
  }
  readonly followUps: {
    readonly pending: number
    readonly sent: number
    readonly skipped: number
    readonly failed: number
  }
  readonly sheet: {
    readonly rows: number
    readonly byState: Readonly<Record<string, number>>
    /** Rows with state Confirmado of all rows. */
    readonly conversionPercent: number | null
  }
  readonly failedTasks: number
}

const TOP_PRODUCTS = 10
const NO_DATA = 'sin datos'

/** Counts the facts. */
export function reportOf({ messages, quotes, followUps, sheetStates, failedTasks }: ReportFacts): Report {
  const netCents = sum(quotes.map((quote) => quote.netCents))
  const byState = countBy(sheetStates)
  const ends = countBy(followUps)
  return {
    messages: {
      count: messages.length,
      sessions: new Set(messages.map(({ sessionId }) => sessionId)).size,
      byIntent: countBy(messages.map(({ intent }) => intent)),
      averageResponseMs: average(messages.map(({ responseMs }) => responseMs)),
    },
    quotes: {
      count: quotes.length,
      netCents,
      averageNetCents: average(quotes.map((quote) => quote.netCents)),
      topProducts: Object.entries(countBy(quotes.map(({ productName }) => productName)))
        .sort(([nameA, a], [nameB, b]) => b - a || nameA.localeCompare(nameB, 'es'))
        .slice(0, TOP_PRODUCTS)
        .map(([name, count]) => ({ name, count, percent: percent(count, quotes.length) ?? 0 })),
    },
    followUps: {
      pending: ends.pending ?? 0,
      sent: ends.sent ?? 0,
      skipped: ends.skipped ?? 0,
      failed: ends.failed ?? 0,
    },
    sheet: {
      rows: sheetStates.length,
      byState,
      conversionPercent: percent(byState.Confirmado ?? 0, sheetStates.length),
    },
    failedTasks,
  }
}

/** The report for people. */
export function reportText({ messages, quotes, followUps, sheet, failedTasks }: Report): string {
  const rows: readonly (readonly [string, string])[] = [
    [
      'Mensajes',
      messages.count === 0
        ? NO_DATA
        : `${messages.count} en ${counted(messages.sessions, 'conversación', 'conversaciones')}`,
    ],
    ['Intenciones', listed(messages.byIntent)],
    ['Respuesta media', messages.averageResponseMs === null ? NO_DATA : `${messages.averageResponseMs} ms`],
    ['Cotizaciones', quotes.count === 0 ? NO_DATA : `${quotes.count} por ${formatPesos(quotes.netCents)} + IVA`],
    ['Valor medio', quotes.averageNetCents === null ? NO_DATA : `${formatPesos(quotes.averageNetCents)} + IVA`],
    ['Productos', quotes.topProducts.map(({ name, percent }) => `${name} ${percent} %`).join(', ') || NO_DATA],
    ['Seguimientos', Object.values(followUps).every((n) => n === 0) ? NO_DATA : followUpText(followUps)],
    ['Planilla', listed(sheet.byState)],
    ['Conversión', sheet.conversionPercent === null ? NO_DATA : `${sheet.conversionPercent} %`],
    ['Tareas fallidas', String(failedTasks)],
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n')
}

function followUpText({ sent, pending, skipped, failed }: Report['followUps']): string {
  return [
    counted(sent, 'enviado', 'enviados'),
    counted(pending, 'pendiente', 'pendientes'),
    counted(skipped, 'omitido', 'omitidos'),
    counted(failed, 'fallido', 'fallidos'),
  ].join(', ')
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return entries.map(([name, count]) => `${name} ${count}`).join(', ') || NO_DATA
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.fromEntries(counts)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.round(sum(values) / values.length)
}

/** A whole percentage, or null of nothing. */
function percent(part: number, of: number): number | null {
  return of === 0 ? null : Math.round((part / of) * 100)
}
