import { importPeer } from '../../internal/import-peer.js'
import type { MongodbSettings } from './mongodb-options.js'

/** A document, or a command, as the driver takes and gives it. */
export type MongodbDocument = Record<string, unknown>

/** A session of the driver, as far as it is used. */
export interface MongodbSession {
  /** The id that the server knows it by. */
  readonly id?: { readonly id: unknown } | undefined
  inTransaction(): boolean
  startTransaction(options?: object): void
  commitTransaction(): Promise<unknown>
  abortTransaction(): Promise<unknown>
  endSession(): Promise<unknown>
}

/** What a command answers with that may not fit into one message. */
export interface MongodbCursor {
  toArray(): Promise<MongodbDocument[]>
}

/** A database of the driver, as far as it is used: plain commands, which the driver never repeats. */
export interface MongodbDatabase {
  command(
    command: MongodbDocument,
    options?: { session?: MongodbSession | undefined; signal?: AbortSignal | undefined },
  ): Promise<MongodbDocument>
  runCursorCommand(command: MongodbDocument): MongodbCursor
}

/** A `MongoClient`, as far as it is used. */
export interface MongodbClient {
  connect(): Promise<unknown>
  db(name: string): MongodbDatabase
  startSession(options?: { causalConsistency?: boolean; defaultTransactionOptions?: object }): MongodbSession
  close(): Promise<void>
}

/** Connections of a client of our own to each server, unless its options say otherwise. */
const MAX_CONNECTIONS = 20

/**
 * The live client of the settings, or one of our own, whose defaults keep a call from waiting for longer than it may.
 * @throws PEER_MISSING
 */
export async function clientOf({ client, uri, options, commandTimeoutMs }: MongodbSettings): Promise<MongodbClient> {
  if (client !== undefined) return client
  const { MongoClient } = await importPeer('mongodb', 'mongodbStorage', () => import('mongodb'))
  return new MongoClient(uri ?? '', {
    appName: 'batuta',
    // The driver's 100 are opened by one busy moment and stay; more than a few at once make no server quicker.
    maxPoolSize: MAX_CONNECTIONS,
    maxIdleTimeMS: 60_000,
    // Shorter than a command may take, so that a call for which there is no primary is known to have done nothing.
    serverSelectionTimeoutMS: Math.ceil(commandTimeoutMs * 0.6),
    waitQueueTimeoutMS: Math.ceil(commandTimeoutMs * 0.6),
    connectTimeoutMS: commandTimeoutMs,
    socketTimeoutMS: 4 * commandTimeoutMs,
    ...options,
  })
}
