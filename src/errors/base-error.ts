import { type ErrorCode, type ErrorDataByCode, isRetryableCode } from './codes.js'

/** Marks our errors, so that they are known across copies of the package and across entry points. */
const BRAND: unique symbol = Symbol.for('batuta.error') as never

/** Where the codes are explained. */
const DOCS = 'https://github.com/batuta-js/batuta/blob/main/docs/errors.md'

/** What an error carries besides its message. */
export interface BatutaErrorInit<C extends ErrorCode> {
  /** Facts about this case, typed per code. */
  readonly data: ErrorDataByCode[C]
  /** What the reader can do about it, as an imperative sentence. Becomes part of the message. */
  readonly fix?: string | undefined
  /** The error underneath. */
  readonly cause?: unknown
  /** Overrides whether repeating may help; by default the code decides. */
  readonly retryable?: boolean | undefined
}

/**
 * Every error that batuta throws. The message says cause, fix and where to read; programs look at `code` and `data`.
 */
export class BatutaError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'BatutaError'
  /** A stable name for what went wrong. */
  readonly code: C
  /** Facts about this case. */
  readonly data: ErrorDataByCode[C]
  /** Whether the same call may work later. */
  readonly retryable: boolean
  readonly [BRAND] = true as const

  constructor(code: C, message: string, init: BatutaErrorInit<C>) {
    const fix = init.fix === undefined ? '' : ` ${init.fix}`
    const link = `${DOCS}#${code.toLowerCase()}`
    super(`${message}${fix} [${code}] ${link}`, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = code
    this.data = init.data
    this.retryable = init.retryable ?? isRetryableCode(code)
  }
}

/** The message of an error of ours, live or stored, up to its code and its link. */
export function withoutLink({ code, message }: { readonly code: string; readonly message: string }): string {
  const end = message.lastIndexOf(` [${code}] ${DOCS}`)
  return end < 0 ? message : message.slice(0, end)
}

/** The same error, saying which of several inputs it is about: in its message, and as `data.index`. */
export function atIndex(error: unknown, index: number): unknown {
  if (!isBatutaError(error) || 'index' in error.data) return error
  const message = `Input ${index}: ${withoutLink(error)}`
  const { code, retryable, cause } = error
  return new BatutaError<ErrorCode>(code, message, { data: { ...error.data, index }, retryable, cause })
}

/**
 * Whether something is an error of ours, and with this code if one is given. Works without `instanceof`, so also for
 * errors of another copy of the package.
 */
export function isBatutaError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is { [K in C]: BatutaError<K> }[C] {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
