import { realClock } from '../../internal/clock.js'
import { cancelStatement } from './postgres-cancel.js'
import { createPool, type PostgresClient, type PostgresPool } from './postgres-driver.js'
import {
  type CallKind,
  fromStandby,
  isConnectionSpent,
  notConnected,
  sqlState,
  toStorageError,
} from './postgres-errors.js'
import type { PostgresSettings } from './postgres-options.js'
import type { Asking, TimedRow } from './postgres-queries.js'

/** How long a connection that is given up stays in the pool so that its statement can be cancelled. */
const CANCEL_MS = 1_000

/** Where the storage gets its connections from: a pool, never waited for longer than a command may take. */
export class PostgresConnection {
  readonly #pool: PostgresPool
  readonly #isOurs: boolean
  readonly #timeoutMs: number
  /** Connections whose statement was given up, and may still be at work. */
  readonly #unanswered = new WeakSet<PostgresClient>()

  private constructor(pool: PostgresPool, isOurs: boolean, timeoutMs: number) {
    this.#pool = pool
    this.#isOurs = isOurs
    this.#timeoutMs = timeoutMs
    pool.on('error', ignore)
  }

  /** Makes ready; nothing is connected yet. @throws PEER_MISSING */
  static async open({ pool, connection, commandTimeoutMs }: PostgresSettings): Promise<PostgresConnection> {
    const defaults = { application_name: 'batuta', keepAlive: true, connectionTimeoutMillis: commandTimeoutMs }
    const used = pool ?? (await createPool({ ...defaults, ...connection }))
    return new PostgresConnection(used, pool === undefined, commandTimeoutMs)
  }

  /**
   * Runs one statement on any connection.
   * @throws STORAGE_UNAVAILABLE when it certainly did nothing; STORAGE_OUTCOME_UNKNOWN when it writes and nobody can say.
   */
  async run<Row>(kind: CallKind, text: string, values: unknown[]): Promise<Row[]> {
    return await this.use(kind, async (client) => await this.ask<Row>(client, text, values))
  }

  /**
   * Reads on any connection to a primary.
   * @throws STORAGE_UNAVAILABLE, also where it is a standby that answers: another connection may lead to the primary.
   */
  async read<Row extends TimedRow>({ text, values }: Asking): Promise<Row[]> {
    return await this.use('reads', async (client) => {
      const rows = await this.ask<Row>(client, text, values)
      if (rows[0]?.now_ms == null) throw fromStandby()
      return rows
    })
  }

  /** Does something on one connection, and gives it back, or up when it is spent. Throws what {@link run} throws. */
  async use<T>(kind: CallKind, work: (client: PostgresClient) => Promise<T>): Promise<T> {
    const client = await this.connect()
    let isSpent = false
    try {
      return await work(client)
    } catch (error) {
      isSpent = isConnectionSpent(error)
      throw toStorageError(error, kind)
    } finally {
      this.release(client, isSpent)
    }
  }

  /** A connection that the caller gives back through {@link release}. @throws STORAGE_UNAVAILABLE */
  async connect(): Promise<PostgresClient> {
    const connecting = new Promise<PostgresClient>((resolve, reject) => {
      this.#pool.connect((error, client) => {
        // Listened to at once: the server's goodbye may be in the same packet as its welcome. An error between two
        // statements has nobody to tell; the next statement fails.
        client?.on('error', ignore)
        if (client === undefined) reject(error)
        else resolve(client)
      })
    })
    try {
      return await inTime(connecting, this.#timeoutMs, 'no connection in time')
    } catch (error) {
      // One that comes too late is nobody's.
      connecting.then((client) => this.release(client, false), ignore)
      throw sqlState(error) === undefined ? notConnected(error) : toStorageError(error, 'reads')
    }
  }

  /** Gives a connection back, or closes it: first its statement is cancelled if it is still at work. */
  release(client: PostgresClient, isSpent: boolean): void {
    const release = () => {
      client.removeListener('error', ignore)
      client.release(isSpent)
    }
    if (this.#unanswered.has(client))
      cancelStatement(client, Math.min(CANCEL_MS, this.#timeoutMs)).then(release, release)
    else release()
  }

  /** Runs one statement on this connection, whose answer may take as long as a command may, and `waitMs` for locks. */
  async ask<Row>(client: PostgresClient, text: string, values: unknown[] = [], waitMs = 0): Promise<Row[]> {
    try {
      const answer = await inTime(client.query({ text, values }), this.#timeoutMs + waitMs, 'no answer in time')
      return answer.rows as Row[]
    } catch (error) {
      if (error instanceof TimeIsOver) this.#unanswered.add(client)
      throw error
    }
  }

  /** Ends a pool of our own; one that was given goes on. */
  async close(): Promise<void> {
    if (!this.#isOurs) {
      this.#pool.removeListener('error', ignore)
      return
    }
    // A server that does not say goodbye is not waited for.
    await inTime(this.#pool.end(), this.#timeoutMs, 'no goodbye in time').catch(ignore)
  }
}

function ignore(): void {}

class TimeIsOver extends Error {}

/** The answer, or a rejection once the time is over. */
async function inTime<T>(answer: Promise<T>, limitMs: number, message: string): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    let isPending = true
    const timer = realClock.setTimer(() => {
      // A process that was busy for long finds its timers due and the answer unread: the answer goes first.
      realClock.defer?.(() => {
        if (isPending) reject(new TimeIsOver(`${message} (${limitMs} ms)`))
      })
    }, limitMs)
    const settle = () => {
      isPending = false
      timer.cancel()
    }
    answer.finally(settle).then(resolve, reject)
  })
}
