import type { Catalogue } from './domain/catalogue.js'
import { dayAndMonth } from './domain/local-time.js'
import { displayPhone } from './domain/phone.js'
import { type Quote, sheetDescription } from './domain/quote.js'

/** The columns of the sales team's tab `Admin.`, as they have them. */
export const ADMIN_COLUMNS = [
  'Arg',
  'Estado',
  'Fecha',
  'Cliente',
  'Orig.',
  'Telefono-Contacto',
  'Direccion / Zona',
  'Consulta',
] as const

/** One row of the tab. */
export type AdminRow = Readonly<Record<(typeof ADMIN_COLUMNS)[number], string>>

/**
 * The sales team's sheet. People work in it: they sort, filter and change states, so rows are known by their code in
 * `Arg` and never by their number.
 */
export interface QuoteSheet {
  /** Adds a row unless its `Arg` is there already. @returns the row's present number in the sheet, from 2. */
  append(row: AdminRow): Promise<number>
  rows(): Promise<AdminRow[]>
  /** Resolves if the sheet can be written to. @throws what stands in the way. */
  check(): Promise<void>
}

/** The states in which a quote still waits for the customer. */
const OPEN_STATES: ReadonlySet<string> = new Set(['pendiente', 'adjunto', 'asignado', 'enviado', 'listo'])

/** The row of a new quote. */
export function adminRowOf(quote: Quote, catalogue: Catalogue): AdminRow {
  const { customer, spec } = quote
  return {
    Arg: quote.arg,
    Estado: 'Pendiente',
    Fecha: dayAndMonth(new Date(quote.quotedAt)),
    Cliente: `${customer.firstName} ${customer.lastName}`,
    'Orig.': quote.origin,
    'Telefono-Contacto': displayPhone(customer.phone),
    'Direccion / Zona': spec.zone ?? '',
    Consulta: sheetDescription(spec, catalogue),
  }
}

/** Whether the customer has said neither yes nor no. */
export function isOpen({ Estado }: AdminRow): boolean {
  return OPEN_STATES.has(Estado.trim().toLowerCase())
}
