import type { MongodbDocument, MongodbSession } from './mongodb-client.js'
import type { MongodbConnection } from './mongodb-connection.js'

/** Documents that were written whole, and no more than what is in them. */
const PIPELINE = [
  { $changeStream: {} },
  { $match: { operationType: { $in: ['insert', 'replace'] } } },
  { $project: { fullDocument: 1 } },
]

interface Batch {
  readonly id: unknown
  readonly nextBatch?: readonly MongodbDocument[]
}

/** A change stream over a collection, from when it is opened: the documents that a majority has. */
export class MongodbStream {
  readonly #connection: MongodbConnection
  readonly #collection: string
  readonly #session: MongodbSession
  /**
   * As the driver gave it: nearly always an object of 64 bits. One in a thousand is a number, which the server refuses; then there
   * is another stream.
   */
  #cursor: unknown = 0
  #isClosed = false

  private constructor(connection: MongodbConnection, collection: string) {
    this.#connection = connection
    this.#collection = collection
    this.#session = connection.session()
  }

  /** @throws STORAGE_UNAVAILABLE, not retryable where the user may not do this. */
  static async open(connection: MongodbConnection, collection: string): Promise<MongodbStream> {
    const stream = new MongodbStream(connection, collection)
    try {
      const readConcern = { level: 'majority' }
      await stream.#ask({ aggregate: collection, pipeline: PIPELINE, cursor: { batchSize: 0 }, readConcern })
      return stream
    } catch (error) {
      await stream.close()
      throw error
    }
  }

  /** What was written since, as soon as there is some; nothing after a while. Throws when the stream has ended. */
  async next(): Promise<readonly unknown[]> {
    if (!this.#isOpen) throw new Error('The change stream has ended.')
    // The server waits for half of what a command may take.
    const maxTimeMS = Math.ceil(this.#connection.timeoutMs / 2)
    const { nextBatch = [] } = await this.#ask({ getMore: this.#cursor, collection: this.#collection, maxTimeMS })
    return nextBatch.map(({ fullDocument }) => fullDocument)
  }

  /**
   * Ends it: the server lets go of it at once, though what is being waited for is answered in its time. Never throws; safe to call
   * twice.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const kill = { killCursors: this.#collection, cursors: [this.#cursor] }
    if (this.#isOpen) await this.#connection.read(kill).catch(() => undefined)
    await this.#session.endSession().catch(() => undefined)
  }

  async #ask(command: MongodbDocument): Promise<Batch> {
    const { cursor } = await this.#connection.inSession(this.#session, command)
    const batch = cursor as Batch
    this.#cursor = batch.id
    return batch
  }

  get #isOpen(): boolean {
    return String(this.#cursor) !== '0'
  }
}
