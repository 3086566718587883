import { realClock } from '../../internal/clock.js'
import { createIdFactory } from '../../internal/id.js'
import { cryptoRandom } from '../../internal/random.js'
import type { MongodbDocument, MongodbSession } from './mongodb-client.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { metaCollection } from './mongodb-record.js'

/** Sessions that are there from the start: as many as transactions at once. */
const FIRST_SESSIONS = 4
/** A transaction whose process has sent nothing for so long is in everybody's way. Shorter than the lease of owners. */
const ABANDONED_MS = 1_500
/** So often at most somebody looks for such transactions. */
const LOOK_MS = 500
const HOUR_MS = 3_600_000
/** The ids of the records that name sessions. */
const RECORDS = { $gte: 'sessions/', $lt: 'sessions0' } as const

/**
 * The sessions of this process's transactions, kept for nothing else. Their ids are written down beside the layout: a
 * process that dies inside a transaction leaves its records locked until the server's transactionLifetimeLimitSeconds, and
 * those who come upon them end it sooner. Only sessions that are written down are ended, so never one of the application.
 */
export class MongodbSessions {
  readonly #connection: MongodbConnection
  readonly #collection: string
  readonly #recordId = `sessions/${createIdFactory(realClock, cryptoRandom())()}`
  readonly #all = new Set<MongodbSession>()
  readonly #free: MongodbSession[] = []
  #writtenMs = 0
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(connection: MongodbConnection, prefix: string) {
    this.#connection = connection
    this.#collection = metaCollection(prefix)
  }

  /** Writes down the first sessions, and forgets those of processes that have not used theirs for a day. Throws as a write. */
  async open(): Promise<void> {
    while (this.#free.length < FIRST_SESSIONS) this.#free.push(this.#make())
    await this.#write()
    const q = { _id: RECORDS, $expr: { $lt: ['$at', { $subtract: ['$$NOW', 24 * HOUR_MS] }] } }
    await this.#connection.write({ delete: this.#collection, deletes: [{ q, limit: 0 }] }, 1)
  }

  /** A session that nobody uses. */
  take(): MongodbSession {
    if (realClock.monotonic() - this.#writtenMs > HOUR_MS) this.#writeSoon()
    const free = this.#free.pop()
    if (free !== undefined) return free
    const made = this.#make()
    this.#writeSoon()
    return made
  }

  /** Gives a session back in which nothing is under way. */
  give(session: MongodbSession): void {
    this.#free.push(session)
  }

  /** Ends a session in which the driver may still wait for an answer; it is used for nothing more. */
  drop(session: MongodbSession): void {
    this.#all.delete(session)
    // Nobody waits for it; a server that is away ends it by itself.
    void session.endSession().catch(() => undefined)
    this.#writeSoon()
  }

  /**
   * Ends transactions over this store whose process has sent nothing for a while: it died, or stands still and will try again. Needs
   * no privilege, since all are of one user. Where the server refuses it all the same, its own limit has to do.
   */
  async endAbandoned(): Promise<void> {
    const now = realClock.monotonic()
    if (now - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = now
    try {
      const records = await this.#connection.find({ find: this.#collection, filter: { _id: RECORDS } })
      const ids = records.flatMap(({ sessions }) => sessions as unknown[])
      const isAbandoned = {
        'transaction.timeInactiveMicros': { $gt: 1_000 * ABANDONED_MS },
        active: false,
        'lsid.id': { $in: ids },
      }
      const pipeline = [
        { $currentOp: { allUsers: false, idleSessions: true } },
        { $match: isAbandoned },
        { $project: { _id: 0, id: '$lsid.id' } },
      ]
      const { cursor } = await this.#connection.admin({ aggregate: 1, pipeline, cursor: {} })
      const { firstBatch } = cursor as { readonly firstBatch: readonly MongodbDocument[] }
      if (firstBatch.length > 0) await this.#connection.admin({ killSessions: firstBatch })
    } catch {
      // The commit that came upon it is told that it is busy, and sent again.
    }
  }

  /** Ends all, and takes them off the record. */
  async close(): Promise<void> {
    const deletes = [{ q: { _id: this.#recordId }, limit: 1 }]
    const forgotten = this.#connection.write({ delete: this.#collection, deletes }, 1)
    await Promise.allSettled([forgotten, ...[...this.#all].map((session) => session.endSession())])
  }

  #make(): MongodbSession {
    const session = this.#connection.session()
    this.#all.add(session)
    return session
  }

  async #write(): Promise<void> {
    this.#writtenMs = realClock.monotonic()
    const sessions = [...this.#all].flatMap(({ id }) => (id === undefined ? [] : [id.id]))
    const updates = [
      { q: { _id: this.#recordId }, u: { $set: { sessions }, $currentDate: { at: true } }, upsert: true },
    ]
    await this.#connection.write({ update: this.#collection, updates }, 1)
  }

  /** What is not written down is only freed later by others. */
  #writeSoon(): void {
    this.#write().catch(() => undefined)
  }
}
