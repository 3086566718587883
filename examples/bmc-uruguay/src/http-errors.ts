import { type ErrorCode, isBatutaError } from 'batuta'
import { ChatTimeout } from './chat.js'

/** An answer that is not 200: what the caller may know. */
export interface HttpProblem {
  readonly status: 400 | 422 | 429 | 500 | 503 | 504
  readonly detail: string
  readonly retryAfterS?: number
}

/** The codes that mean "not now": nothing was lost, and the same request may work in a moment. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NOT_RUNNING',
  'STORAGE_UNAVAILABLE',
  'STORAGE_CLOSED',
  'SUBMIT_OUTCOME_UNKNOWN',
])

/** What to answer to an error. Its message stays here: it may name paths, hosts, or what a customer wrote. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof ChatTimeout)
    return { status: 504, detail: 'La respuesta está demorando más de lo esperado; intentá de nuevo.', retryAfterS: 5 }
  if (isBatutaError(error, 'SESSION_BUSY'))
    return { status: 429, detail: 'Todavía estoy con tu mensaje anterior.', retryAfterS: 1 }
  if (isBatutaError(error) && NOT_NOW.has(error.code))
    return { status: 503, detail: 'El servicio no está disponible en este momento.', retryAfterS: 5 }
  return { status: 500, detail: 'Error interno.' }
}
