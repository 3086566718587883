import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import type { ErrorCode } from '../../errors/codes.js'

/** Whether a call could have changed something when it failed. */
export type CallKind = 'reads' | 'writes'

interface Meaning {
  readonly code: 'STORAGE_UNAVAILABLE' | 'STORAGE_OUTCOME_UNKNOWN' | 'STORAGE_CORRUPT'
  readonly what: string
  readonly fix: string
  /** Whether the same call may work later without anybody's doing. Default: the code decides. */
  readonly retryable?: boolean
}

/** A right or a password does not come back by itself. */
const REFUSED: Meaning = {
  code: 'STORAGE_UNAVAILABLE',
  what: 'refuses this user. Nothing was written.',
  fix: 'Check user and password, and the rights: docs/storage-redis.md has the ACL line.',
  retryable: false,
}

const NO_DATABASE: Meaning = {
  code: 'STORAGE_UNAVAILABLE',
  what: 'refuses this database. Nothing was written.',
  fix: 'Give a number that the server has (`databases` in its configuration; a cluster has 0 only).',
  retryable: false,
}

const LATER = 'The same call works when that is over.'

/**
 * What Redis answers instead of doing something: https://redis.io/docs/latest/develop/reference/protocol-spec. All of these
 * come before a script's first write, or what it wrote is undone: nothing was written, unless it says so.
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  READONLY: {
    code: 'STORAGE_UNAVAILABLE',
    what: 'is a replica, which can only be read. Nothing was written.',
    fix: 'After a failover the storage connects again by itself; if it lasts, connect to the primary (or through Sentinel).',
  },
  OOM: {
    code: 'STORAGE_UNAVAILABLE',
    what: 'is full (maxmemory). Nothing was written.',
    fix: 'Raise maxmemory, or keep finished tasks for a shorter time; the same call works then.',
  },
  MISCONF: {
    code: 'STORAGE_UNAVAILABLE',
    what: "can't save to its disk, and takes no writes until it can. Nothing was written.",
    fix: "Make room on the server's disk, or see its log; the same call works then.",
  },
  NOREPLICAS: {
    code: 'STORAGE_UNAVAILABLE',
    what: 'has fewer replicas than min-replicas-to-write asks for. Nothing was written.',
    fix: 'Bring the replicas back; the same call works then.',
  },
  LOADING: { code: 'STORAGE_UNAVAILABLE', what: 'is loading its data. Nothing was written.', fix: LATER },
  MASTERDOWN: {
    code: 'STORAGE_UNAVAILABLE',
    what: 'is a replica without its primary. Nothing was written.',
    fix: LATER,
  },
  CLUSTERDOWN: { code: 'STORAGE_UNAVAILABLE', what: 'is a cluster that is down. Nothing was written.', fix: LATER },
  TRYAGAIN: { code: 'STORAGE_UNAVAILABLE', what: 'is moving these keys. Nothing was written.', fix: LATER },
  BUSY: { code: 'STORAGE_UNAVAILABLE', what: "is busy with somebody's script. Nothing was written.", fix: LATER },
  MOVED: {
    code: 'STORAGE_UNAVAILABLE',
    what: 'is a node of a cluster. Nothing was written.',
    fix: 'Give a live Cluster client of ioredis.',
    retryable: false,
  },
  BROKEN: {
    code: 'STORAGE_OUTCOME_UNKNOWN',
    what: 'took a part of a commit and then refused this user, also to undo it.',
    fix: 'Give the user its rights back (docs/storage-redis.md has the ACL line); the same call then does the rest.',
  },
  WRONGTYPE: {
    code: 'STORAGE_CORRUPT',
    what: "holds a key under this prefix that is not the storage's.",
    fix: 'Find and remove it, or use another prefix.',
  },
  NOAUTH: REFUSED,
  WRONGPASS: REFUSED,
  NOPERM: REFUSED,
  NO_DATABASE,
}

const CODES = new RegExp(`(?:^|[\\s-])(${Object.keys(MEANINGS).join('|')})\\b`)

/** Messages of Redis that have no code of their own. */
const WORDED: readonly (readonly [RegExp, string])[] = [
  [/acl failure in script|can't run this command or subcommand/i, 'NOPERM'],
  // A record of a query, whose key no script can declare. Redis from 7.2 on, and Valkey, word it in the second way.
  [/non local key in a cluster node|undeclared keys were accessed during rehashing of the slot/i, 'TRYAGAIN'],
]

/** What ioredis says when it was sent to and fro for too long. */
const TO_AND_FRO = /^Too many Cluster redirections\. Last error: ReplyError: (MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/

/**
 * What Redis said: `OOM`, `READONLY`. Errors inside a script carry the code at their beginning from Redis 7 on, and
 * behind the script's name and line before.
 */
export function redisCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { message } = error
  if (TO_AND_FRO.test(message)) return 'TRYAGAIN'
  if (!isReply(error)) return undefined
  const code = CODES.exec(message)?.[1] ?? WORDED.find(([pattern]) => pattern.test(message))?.[1]
  return code ?? (isOfSelect(error) ? 'NO_DATABASE' : undefined)
}

/** Whether a server refuses the user or the database, so that trying again is of no use. */
export function isRefusal(error: unknown): boolean {
  const meaning = MEANINGS[redisCode(error) ?? '']
  return meaning === REFUSED || meaning === NO_DATABASE
}

/** Whether a server did not take the database that it was told when the connection was made. */
export function isOfSelect(error: unknown): boolean {
  return (error as { command?: { name?: unknown } } | undefined)?.command?.name === 'select'
}

/** What is behind an error of a connection: a `Cluster` says that all of its nodes failed, and keeps why. */
export function reasonOf(error: unknown): unknown {
  return (error as { lastNodeError?: unknown } | undefined)?.lastNodeError ?? error
}

/** Whether the server answered, so that the connection is not to blame. */
function isReply(error: Error): boolean {
  return error.name === 'ReplyError'
}

/** The error for a call that got no answer. */
export function lostConnection(kind: CallKind, cause: unknown): BatutaError<ErrorCode> {
  const data = { storage: 'redis' }
  if (kind === 'writes') {
    const message = 'The connection to Redis broke before it said whether it wrote.'
    return new BatutaError('STORAGE_OUTCOME_UNKNOWN', message, { data, cause })
  }
  return new BatutaError('STORAGE_UNAVAILABLE', 'The connection to Redis broke, or did not answer in time.', {
    data,
    cause,
  })
}

/** The error for a call that was never sent. */
export function notConnected(cause: unknown): BatutaError<'STORAGE_UNAVAILABLE'> {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new BatutaError('STORAGE_UNAVAILABLE', `Redis can't be reached${why}. Nothing was written.`, {
    data: { storage: 'redis' },
    fix: 'The storage goes on connecting by itself; check address and server if it lasts.',
    cause,
  })
}

/** What an error of ioredis means to users of the port. Errors of ours pass, and so does what Redis calls our mistake. */
export function toStorageError(error: unknown, kind: CallKind): unknown {
  if (isBatutaError(error) || !(error instanceof Error)) return error
  // ioredis says so of a command that it did not send.
  if (/enableOfflineQueue/.test(error.message)) return notConnected(error)
  const meaning = MEANINGS[redisCode(error) ?? '']
  if (meaning === undefined) return isReply(error) ? error : lostConnection(kind, error)
  const { code, what, fix, retryable } = meaning
  return new BatutaError(code, `Redis ${what}`, { data: { storage: 'redis' }, fix, retryable, cause: error })
}
