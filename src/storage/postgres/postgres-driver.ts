import { importPeer } from '../../internal/import-peer.js'

/** One statement, as `pg` takes it. */
export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[]
}

/** A text sent with NOTIFY. */
export interface PostgresNotification {
  readonly channel: string
  readonly payload?: string | undefined
}

/** A connection taken from a pool, as `pg` has it. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<{ readonly rows: unknown[] }>
  /** Gives the connection back, or closes it. */
  release(close?: boolean): void
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  on(event: 'notification', listener: (message: PostgresNotification) => void): unknown
  removeListener(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  removeListener(event: 'notification', listener: (message: PostgresNotification) => void): unknown
}

/** The members of a `pg.Pool` that are used. */
export interface PostgresPool {
  connect(callback: (error: Error | undefined, client: PostgresClient | undefined) => void): void
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** Settings of a `pg.Pool`, as `pg` takes them: `host`, `port`, `user`, `password`, `database`, `ssl`, `max` and so on. */
export type PostgresConnectionSettings = Readonly<Record<string, unknown>>

/**
 * Makes a pool.
 * @throws PEER_MISSING when `pg` is not installed.
 */
export async function createPool(settings: PostgresConnectionSettings): Promise<PostgresPool> {
  const { default: pg } = await importPeer('pg', 'postgresStorage', () => import('pg'))
  return new pg.Pool(settings)
}
