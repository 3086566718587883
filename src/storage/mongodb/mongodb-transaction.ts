import type PQueue from 'p-queue'
import type { MongodbDocument, MongodbSession } from './mongodb-client.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { hasCode, hasLabel, isGuard, notDone, outcomeUnknown, toStorageError, writeErrorsOf } from './mongodb-errors.js'
import type { MongodbSessions } from './mongodb-sessions.js'
import type { WriteCommand } from './mongodb-write.js'

/** What came of a transaction that has ended. `refused`: a guard did not hold. `busy`: another one holds a record. */
export type TransactionOutcome = 'applied' | 'refused' | 'busy'

/** Transactions at once: the others wait, so that they take neither all connections nor all of the server. */
export const TRANSACTIONS_AT_ONCE = 4

/** WriteConflict, LockTimeout, SnapshotTooOld, SnapshotUnavailable, and NoSuchTransaction: somebody ended it. */
const BUSY = [112, 24, 239, 246, 251] as const
const NO_SUCH_TRANSACTION = 251
const TRANSACTION_COMMITTED = 256

/** Runs transactions, and makes sure that none of them takes effect after its outcome was told. */
export class MongodbTransactions {
  readonly #connection: MongodbConnection
  readonly #sessions: MongodbSessions
  /** Any document of the store; read to begin a transaction. */
  readonly #probe: MongodbDocument
  /** Sessions whose commit was sent and not answered. */
  readonly #unanswered = new Set<MongodbSession>()
  readonly #queue: PQueue
  #ending: Promise<void> | undefined

  constructor(connection: MongodbConnection, sessions: MongodbSessions, probe: MongodbDocument, queue: PQueue) {
    this.#connection = connection
    this.#queue = queue
    this.#sessions = sessions
    this.#probe = probe
  }

  /**
   * Runs the commands in one transaction, if every guard in them holds.
   * @param over - aborted by the first of those it belongs to that fails: whoever still waits for its turn then fails
   * likewise, without a try that takes as long.
   * @returns what came of it; unless it was applied, nothing was written.
   * @throws STORAGE_UNAVAILABLE when nothing was written, STORAGE_OUTCOME_UNKNOWN when nobody can say.
   */
  run(commands: readonly WriteCommand[], over: AbortController): Promise<TransactionOutcome> {
    return this.#queue.add(async () => {
      over.signal.throwIfAborted()
      try {
        return await this.#run(commands)
      } catch (error) {
        over.abort(error)
        throw error
      }
    })
  }

  async #run(commands: readonly WriteCommand[]): Promise<TransactionOutcome> {
    const session = this.#sessions.take()
    let isCommitting = false
    try {
      const { timeoutMs } = this.#connection
      const writeConcern = { w: 'majority', wtimeoutMS: timeoutMs }
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern, maxCommitTimeMS: timeoutMs })
      for (const { command, writes } of commands) {
        const answer = await this.#connection.inTransaction(session, command)
        const errors = writeErrorsOf(answer)
        const other = errors.find((error) => !isGuard(error))
        if (other !== undefined) throw notDone(other, command)
        if (errors.length > 0 || Number(answer.n) !== writes.length) return 'refused'
      }
      isCommitting = true
      await this.#connection.within('writes', () => session.commitTransaction())
      return 'applied'
    } catch (error) {
      const isUnknown = hasLabel(error, 'UnknownTransactionCommitResult')
      if (!isUnknown && hasLabel(error, 'TransientTransactionError') && hasCode(error, ...BUSY)) return 'busy'
      if (!isCommitting || (!isUnknown && hasLabel(error, 'TransientTransactionError'))) throw toStorageError(error, 0)
      this.#unanswered.add(session)
      throw outcomeUnknown(error)
    } finally {
      if (!this.#unanswered.has(session)) await this.#end(session)
    }
  }

  /**
   * Ends transactions whose commit may still be on its way to the server: what is read after that can't change by them
   * any more. To be called before anything else is asked.
   * @throws STORAGE_UNAVAILABLE
   */
  async settle(): Promise<void> {
    if (this.#unanswered.size === 0) return
    this.#ending ??= this.#endUnanswered().finally(() => {
      this.#ending = undefined
    })
    await this.#ending
  }

  async #endUnanswered(): Promise<void> {
    for (const session of this.#unanswered) {
      try {
        await this.#fence(session)
      } catch (error) {
        if (!hasCode(error, NO_SUCH_TRANSACTION, TRANSACTION_COMMITTED)) throw toStorageError(error, 0)
      }
      this.#unanswered.delete(session)
      this.#sessions.drop(session)
    }
  }

  /** A commit is refused once its transaction was aborted, or a later one has begun in its session. */
  async #fence(session: MongodbSession): Promise<void> {
    if (session.inTransaction()) {
      // The driver still waits for the answer.
      await this.#connection.abort(session)
      return
    }
    session.startTransaction()
    try {
      await this.#connection.inTransaction(session, this.#probe)
    } finally {
      await this.#abort(session)
    }
  }

  async #end(session: MongodbSession): Promise<void> {
    if (!session.inTransaction() || (await this.#abort(session))) this.#sessions.give(session)
    else this.#sessions.drop(session)
  }

  /** @returns whether the driver is done with it. */
  async #abort(session: MongodbSession): Promise<boolean> {
    try {
      await this.#connection.within('reads', () => session.abortTransaction())
      return true
    } catch {
      return false
    }
  }
}
