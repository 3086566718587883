import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import type { MongodbDocument } from './mongodb-client.js'

/** Whether the command that failed could have changed something. */
export type CommandKind = 'reads' | 'writes'

const DATA = { storage: 'mongodb' } as const

interface DriverError extends Error {
  readonly code?: unknown
  readonly beforeHandshake?: unknown
  readonly errorLabels?: unknown
}

/** The driver never sent the command: no server to be had, no connection, or one that was not ready yet. */
const NOT_SENT: ReadonlySet<string> = new Set(['MongoServerSelectionError', 'MongoPoolClearedError'])

/** It was not sent either: the client has no connection left, or is not allowed more. */
const NO_CONNECTION = 'MongoWaitQueueTimeoutError'

const CLOSED: ReadonlySet<string> = new Set([
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoPoolClosedError',
  'MongoClientClosedError',
  'MongoExpiredSessionError',
])

/** Server errors of a server that is not, or no longer, the primary; it looks at that before each write. */
const NOT_PRIMARY: ReadonlySet<unknown> = new Set([10107, 13435, 13436])

/** What Atlas says of a user who may not do something, and of a cluster that is full. */
const ATLAS = 8000

/** Unauthorized, AuthenticationFailed. */
const NOT_ALLOWED: ReadonlySet<unknown> = new Set([13, 18, ATLAS])

/** OutOfDiskSpace; the server looks at that before it writes. */
const NO_SPACE = 14_031

/** ConversionFailure, in which every guard of ours ends that does not hold, and WriteConflict. */
const GUARD: ReadonlySet<unknown> = new Set([241, 112])
const DUPLICATE_KEY = 11_000

/**
 * Rules of a collection, none of them ours, by the code with which they refuse a document: DocumentValidationFailure,
 * DuplicateKey.
 */
const RULES: ReadonlyMap<unknown, string> = new Map([
  [121, 'validator'],
  [DUPLICATE_KEY, 'unique index'],
])

/** Whether an error of the driver has a label. */
export function hasLabel(error: unknown, label: string): boolean {
  const labels = (error as DriverError | undefined)?.errorLabels
  return Array.isArray(labels) && labels.includes(label)
}

/** Whether an error of the server has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return codes.includes(Number((error as DriverError | undefined)?.code))
}

function isDriverError(error: unknown): error is DriverError {
  return error instanceof Error && (/^(Mongo|PoolCleared)/.test(error.name) || error.name === 'AbortError')
}

/** Nothing was written, and it may work later. */
export function unavailable(cause: unknown, what = "can't be reached, or has no primary just now"): BatutaError {
  return new BatutaError('STORAGE_UNAVAILABLE', `MongoDB ${what}. Nothing was written.`, { data: DATA, cause })
}

/** Nobody can say whether it was written. */
export function outcomeUnknown(cause: unknown): BatutaError {
  return new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'MongoDB went away before it said whether it wrote.', {
    data: DATA,
    cause,
  })
}

/** What a server says of the statements of a command that it did not do. The others were done, outside of a transaction. */
export function writeErrorsOf(answer: MongodbDocument): readonly MongodbDocument[] {
  return (answer.writeErrors ?? []) as MongodbDocument[]
}

/** Whether a statement was not done because its guard did not hold, or because another creates the same record. */
export function isGuard({ code, keyPattern }: MongodbDocument): boolean {
  const isById = keyPattern === undefined || '_id' in (keyPattern as object)
  return GUARD.has(code) || (code === DUPLICATE_KEY && isById)
}

/** The error for a statement that was not done for any other reason: to send it again at once would be in vain. */
export function notDone({ code, errmsg }: MongodbDocument, { update, delete: from }: MongodbDocument): BatutaError {
  const cause = Object.assign(new Error(String(errmsg)), { code })
  const rule = RULES.get(code)
  if (rule === undefined) return ofCode(cause) ?? unavailable(cause, `does not do a write (code ${code})`)
  return new BatutaError('STORAGE_REFUSED', `A ${rule} of the collection ${update ?? from} refuses a record.`, {
    data: DATA,
    fix: 'Take it off: only batuta knows what its records may look like.',
    cause,
  })
}

/** What some codes mean, whatever failed with them. Nothing was written. */
function ofCode(error: DriverError): BatutaError | undefined {
  if (error.code === NO_SPACE || (error.code === ATLAS && /quota/i.test(error.message))) {
    return unavailable(error, 'has no space left')
  }
  if (!NOT_ALLOWED.has(error.code)) return undefined
  return new BatutaError('STORAGE_UNAVAILABLE', 'MongoDB refuses this user. Nothing was written.', {
    data: DATA,
    fix: 'Give it the role readWrite on the database, or the smaller one that docs/storage-mongodb.md names.',
    cause: error,
    retryable: false,
  })
}

/** The error for a command that got no answer in time. */
export function timedOut(kind: CommandKind, timeoutMs: number): BatutaError {
  const cause = new Error(`no answer within ${timeoutMs} ms`)
  return kind === 'writes' ? outcomeUnknown(cause) : unavailable(cause, 'does not answer')
}

/**
 * What a driver's error means to users of the port. Errors of ours pass as they are, and so does what is no error of the
 * driver's: a bug should look like one.
 * @param writes - how many writes the command had; 0 for one that only reads.
 */
export function toStorageError(error: unknown, writes: number): unknown {
  if (isBatutaError(error) || !isDriverError(error)) return error
  if (CLOSED.has(error.name)) {
    return new BatutaError('STORAGE_CLOSED', 'The MongoDB client was closed by somebody else.', {
      data: DATA,
      cause: error,
    })
  }
  const known = ofCode(error)
  if (known !== undefined) return known
  if (error.name === NO_CONNECTION) return unavailable(error, 'was not asked: all connections of its client are busy')
  // Of several writes, some may have been done before the server found that it is not the primary any more.
  const isRefused = NOT_PRIMARY.has(error.code) && writes === 1
  if (writes === 0 || NOT_SENT.has(error.name) || error.beforeHandshake === true || isRefused) return unavailable(error)
  return outcomeUnknown(error)
}

/** @throws STORAGE_UNSUITABLE for a server that is no member of a replica set, or is too old. */
export function assertSuitable(hello: Readonly<Record<string, unknown>>): void {
  const unsuitable = (message: string, fix: string, setting: string, found: string, needed: string) =>
    new BatutaError('STORAGE_UNSUITABLE', message, { data: { ...DATA, setting, found, needed }, fix })
  if (hello.msg === 'isdbgrid') {
    const message = 'This is the router of a sharded cluster, and every router tells another time.'
    throw unsuitable(message, 'Connect to a replica set.', 'topology', 'sharded cluster', 'replica set')
  }
  if (typeof hello.setName !== 'string') {
    const message = 'This MongoDB server stands alone: it has neither transactions nor writes that survive a failure.'
    const fix =
      'Make it a replica set, one member is enough: start mongod with --replSet rs0, then run rs.initiate() once in mongosh.'
    throw unsuitable(message, fix, 'topology', 'standalone', 'replica set')
  }
  if (Number(hello.maxWireVersion) < 13) {
    const message = 'This MongoDB server is too old.'
    const found = `wire version ${hello.maxWireVersion}`
    throw unsuitable(message, 'Use MongoDB 5.0 or newer.', 'version', found, 'wire version 13 (MongoDB 5.0)')
  }
}
