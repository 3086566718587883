import { realClock } from '../../internal/clock.js'
import type { MongodbClient, MongodbDatabase, MongodbDocument, MongodbSession } from './mongodb-client.js'
import { type CommandKind, hasCode, notDone, timedOut, toStorageError, writeErrorsOf } from './mongodb-errors.js'

/** MaxTimeMSExpired. */
const TIME_IS_UP = 50

/** Writes wait until a majority of the replica set has them, so that no election takes them back. */
export function majority(timeoutMs: number): MongodbDocument {
  return { w: 'majority', wtimeout: timeoutMs }
}

/**
 * Commands to the primary of one replica set, each of which ends in time: the server gives up after `timeoutMs`, and so
 * does this side. The driver never repeats them.
 */
export class MongodbConnection {
  readonly timeoutMs: number
  readonly #client: MongodbClient
  readonly #database: MongodbDatabase

  constructor(client: MongodbClient, database: string, timeoutMs: number) {
    this.#client = client
    this.#database = client.db(database)
    this.timeoutMs = timeoutMs
  }

  /** Finds the primary. Safe to call again, also after it failed. @throws STORAGE_UNAVAILABLE */
  async connect(): Promise<void> {
    await this.#run('reads', 0, () => this.#client.connect())
  }

  /** Runs a command that writes nothing. @throws STORAGE_UNAVAILABLE */
  async read(command: MongodbDocument): Promise<MongodbDocument> {
    return await this.#run('reads', 0, (signal) =>
      this.#database.command({ ...command, maxTimeMS: this.timeoutMs }, { signal }),
    )
  }

  /** All that a `find` finds, however many messages it takes. @throws STORAGE_UNAVAILABLE */
  async find(command: MongodbDocument): Promise<MongodbDocument[]> {
    return await this.#run('reads', 0, () =>
      this.#database.runCursorCommand({ ...command, maxTimeMS: this.timeoutMs }).toArray(),
    )
  }

  /**
   * Runs a command that writes, outside of any transaction.
   * @param writes - how many writes it has.
   * @throws STORAGE_UNAVAILABLE when it certainly did nothing; STORAGE_OUTCOME_UNKNOWN when nobody can say; what
   * {@link notDone} says of the first write that was not done.
   */
  async write(command: MongodbDocument, writes: number): Promise<MongodbDocument> {
    const answer = await this.tryWrite(command, writes, this.timeoutMs)
    if (answer === undefined) throw timedOut('writes', this.timeoutMs)
    const [error] = writeErrorsOf(answer)
    if (error !== undefined) throw notDone(error, command)
    return answer
  }

  /**
   * As {@link write}, for no longer than `limitMs` at the server: which waits that long for a record that another transaction
   * holds, and does nothing after it. The answer may have write errors.
   * @returns `undefined` when the server gave up. What it had done by then stands, and nothing comes after it.
   */
  async tryWrite(command: MongodbDocument, writes: number, limitMs: number): Promise<MongodbDocument | undefined> {
    const limits = { maxTimeMS: limitMs, writeConcern: majority(this.timeoutMs) }
    try {
      const answer = await this.within('writes', (signal) =>
        this.#database.command({ ...command, ...limits }, { signal }),
      )
      if (answer.writeConcernError === undefined) return answer
      if (hasCode(answer.writeConcernError, TIME_IS_UP)) return undefined
    } catch (error) {
      if (hasCode(error, TIME_IS_UP)) return undefined
      throw toStorageError(error, writes)
    }
    // It was written, but an election may take it back.
    throw timedOut('writes', this.timeoutMs)
  }

  /** Makes a collection or an index, however long that takes. Throws what {@link write} throws. */
  async build(command: MongodbDocument): Promise<MongodbDocument> {
    try {
      return await this.#database.command({ ...command, writeConcern: { w: 'majority' } })
    } catch (error) {
      throw toStorageError(error, 1)
    }
  }

  /** Runs a command inside a session's transaction. Throws what the driver throws, and what {@link within} does. */
  inTransaction(session: MongodbSession, command: MongodbDocument): Promise<MongodbDocument> {
    return this.within('reads', (signal) =>
      this.#database.command({ ...command, maxTimeMS: this.timeoutMs }, { session, signal }),
    )
  }

  /** Runs a command that writes nothing, in a session and with limits of its own. @throws STORAGE_UNAVAILABLE */
  async inSession(session: MongodbSession, command: MongodbDocument): Promise<MongodbDocument> {
    return await this.#run('reads', 0, (signal) => this.#database.command(command, { session, signal }))
  }

  /** Aborts a session's transaction, and says so, which the driver's own method does not. Throws as the one above. */
  abort(session: MongodbSession): Promise<MongodbDocument> {
    return this.within('reads', (signal) =>
      this.#client.db('admin').command({ abortTransaction: 1 }, { session, signal }),
    )
  }

  /** Runs a command of the whole server, which writes no data. @throws STORAGE_UNAVAILABLE */
  async admin(command: MongodbDocument): Promise<MongodbDocument> {
    return await this.#run('reads', 0, (signal) => this.#client.db('admin').command(command, { signal }))
  }

  /** A session for transactions, which the driver refuses with any other read preference: a live client may have one. */
  session(): MongodbSession {
    const defaultTransactionOptions = { readPreference: 'primary' }
    return this.#client.startSession({ causalConsistency: false, defaultTransactionOptions })
  }

  /** Waits for work no longer than a command may take, and tells it to stop then. */
  within<T>(kind: CommandKind, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    return new Promise((resolve, reject) => {
      let isPending = true
      const timer = realClock.setTimer(() => {
        // A process that was busy for long finds its timers due and the answer unread: the answer goes first.
        realClock.defer?.(() => {
          if (!isPending) return
          reject(timedOut(kind, this.timeoutMs))
          controller.abort()
        })
      }, this.timeoutMs)
      const settled = (end: () => void) => {
        isPending = false
        timer.cancel()
        end()
      }
      work(controller.signal).then(
        (value) => settled(() => resolve(value)),
        (error: unknown) => settled(() => reject(error)),
      )
    })
  }

  async #run<T>(kind: CommandKind, writes: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.within(kind, work)
    } catch (error) {
      throw toStorageError(error, writes)
    }
  }
}
