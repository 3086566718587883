import { realClock } from '../../internal/clock.js'
import { createPool, type PostgresClient, type PostgresPool } from './postgres-driver.js'
import { type CallKind, isConnectionSpent, notConnected, sqlState, toStorageError } from './postgres-errors.js'
import type { PostgresSettings } from './postgres-options.js'

/** Where the storage gets its connections from: a pool, never waited for longer than a command may take. */
export class PostgresConnection {
  readonly #pool: PostgresPool
  readonly #isOurs: boolean
  readonly #timeoutMs: number

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

  /** Gives a connection back, or closes it. */
  release(client: PostgresClient, isSpent: boolean): void {
    client.removeListener('error', ignore)
    client.release(isSpent)
  }

  /** Runs one statement on this connection, whose answer may take as long as a command may. */
  async ask<Row>(client: PostgresClient, text: string, values: unknown[] = []): Promise<Row[]> {
    const answer = await inTime(client.query({ text, values }), this.#timeoutMs, 'no answer in time')
    return answer.rows as Row[]
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

/** The answer, or a rejection once the time is over. */
async function inTime<T>(answer: Promise<T>, limitMs: number, message: string): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    let isPending = true
    const timer = realClock.setTimer(() => {
      // A process that was busy for long finds its timers due and the answer unread: the answer goes first.
      realClock.defer?.(() => {
        if (isPending) reject(new Error(`${message} (${limitMs} ms)`))
      })
    }, limitMs)
    const settle = () => {
      isPending = false
      timer.cancel()
    }
    answer.finally(settle).then(resolve, reject)
  })
}
