import type { SetResult, Write, WriteSet } from '../storage.js'
import type { MongodbDocument } from './mongodb-client.js'

/** About how much fits into one command: a command is a document, so 16 MiB with what stands around the values. */
const MAX_COMMAND_BYTES = 12 * 1024 * 1024

/** The latest moment that a Date can tell. */
const LAST_DATE_MS = 8.64e15

/** One write of a set, ready to be sent. */
export interface PreparedWrite extends Write {
  /** What it leaves; absent when it deletes or only expects. */
  readonly document: MongodbDocument | undefined
  readonly bytes: number
  readonly notAfter: number
}

/** A set, ready to be sent; and its answer, once it is known. */
export interface PreparedSet {
  readonly set: WriteSet
  readonly writes: readonly PreparedWrite[]
  result: SetResult | undefined
}

/** One `update` or `delete` command, and what it does. */
export interface WriteCommand {
  readonly command: MongodbDocument
  readonly writes: readonly PreparedWrite[]
}

/** Whether a set is still in time, asked of the server's clock when its command begins. */
function isInTime({ notAfter }: PreparedWrite): MongodbDocument {
  return { $lte: ['$$NOW', new Date(Math.min(notAfter, LAST_DATE_MS))] }
}

/** An expression that always fails: an update whose guard does not hold ends in an error, which says which one it was. */
const REFUSE = { $toInt: { $concat: ['refused ', '$_id'] } }

/**
 * An update that does `then` if its guard holds, and fails otherwise. With `upsert`, MongoDB gives it an empty document
 * where nothing is: so the same statement creates and changes, and can't create by mistake.
 */
function guarded(write: PreparedWrite, then: MongodbDocument, upsert: boolean): MongodbDocument {
  const expected =
    write.expect === null
      ? { $eq: [{ $type: '$version' }, 'missing'] }
      : { $eq: ['$version', { $literal: write.expect }] }
  return {
    q: { _id: write.id },
    u: [{ $replaceWith: { $cond: [{ $and: [isInTime(write), expected] }, then, REFUSE] } }],
    upsert,
  }
}

/** Creates or changes. */
function leaveStatement(write: PreparedWrite): MongodbDocument {
  return guarded(write, { $literal: write.document }, true)
}

/**
 * Makes an expectation a write, so that of two transactions that expect what the other writes one is refused. Where
 * nothing is expected, something is put there, for {@link expectCommands} to take away again.
 */
function expectStatement(write: PreparedWrite): MongodbDocument {
  if (write.expect === null) return guarded(write, { $literal: { _id: write.id, version: '', value: 'null' } }, true)
  const guards = { $add: [{ $ifNull: ['$guards', 0] }, 1] }
  return guarded(write, { $mergeObjects: ['$$ROOT', { guards }] }, false)
}

function deleteStatement(write: PreparedWrite): MongodbDocument {
  return { q: { _id: write.id, version: write.expect, $expr: isInTime(write) }, limit: 1 }
}

/** Commands over one collection each, none of them too large. */
function commandsOf(
  writes: readonly PreparedWrite[],
  collection: (kind: string) => string,
  make: (collection: string, writes: readonly PreparedWrite[]) => MongodbDocument,
): WriteCommand[] {
  return [...new Set(writes.map((write) => write.kind))].flatMap((kind) =>
    piecesOf(writes.filter((write) => write.kind === kind)).map((some) => ({
      command: make(collection(kind), some),
      writes: some,
    })),
  )
}

/** Pieces that fit into one command each. */
export function piecesOf<T extends { readonly bytes: number }>(all: readonly T[]): T[][] {
  const pieces: T[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const one of all) {
    if (bytes + one.bytes > MAX_COMMAND_BYTES) {
      pieces.push([])
      bytes = 0
    }
    pieces.at(-1)?.push(one)
    bytes += one.bytes
  }
  return pieces
}

/** Commands that create and change. */
export function leaveCommands(writes: readonly PreparedWrite[], collection: (kind: string) => string): WriteCommand[] {
  const leaving = writes.filter((write) => write.document !== undefined)
  return commandsOf(leaving, collection, (update, some) => ({
    update,
    updates: some.map(leaveStatement),
    ordered: false,
  }))
}

/** Commands that delete. */
export function deleteCommands(writes: readonly PreparedWrite[], collection: (kind: string) => string): WriteCommand[] {
  const deleting = writes.filter((write) => write.leave === null && write.expect !== null)
  return commandsOf(deleting, collection, (from, some) => ({
    delete: from,
    deletes: some.map(deleteStatement),
    ordered: false,
  }))
}

/** Commands for what is only expected, inside a transaction. Several sets may expect the same: it is asked once. */
export function expectCommands(writes: readonly PreparedWrite[], collection: (kind: string) => string): WriteCommand[] {
  const expecting = new Map<string, PreparedWrite>()
  for (const write of writes) {
    if (!onlyExpects(write)) continue
    const name = JSON.stringify([write.kind, write.id, write.expect])
    // In the time of the one that has least of it: who came late is then found out.
    const known = expecting.get(name)
    if (known === undefined || write.notAfter < known.notAfter) expecting.set(name, write)
  }
  const all = [...expecting.values()]
  const absent = all.filter((write) => write.expect === null)
  return [
    ...commandsOf(all, collection, (update, some) => ({ update, updates: some.map(expectStatement) })),
    ...commandsOf(absent, collection, (from, some) => ({
      delete: from,
      deletes: some.map(({ id }) => ({ q: { _id: id }, limit: 1 })),
    })),
  ]
}

/** Whether a write leaves everything as it is. To delete what must be absent is to expect. */
export function onlyExpects({ expect, leave }: Write): boolean {
  return leave === undefined || (leave === null && expect === null)
}
