import { realClock } from '../../internal/clock.js'
import { createIdFactory } from '../../internal/id.js'
import { cryptoRandom } from '../../internal/random.js'
import { ChannelListeners } from '../channel-listeners.js'
import type { StorageChannel } from '../storage.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { channelCollection } from './mongodb-record.js'
import { MongodbStream } from './mongodb-stream.js'

/** A document takes much more, but goes to everybody who listens. */
const MAX_BYTES = 64 * 1024

/** So many texts wait while others are on their way; of more, the oldest are lost. */
const MAX_WAITING = 100

/** Pauses before it listens again, doubled from the first to the last. */
const PAUSE_MS = { first: 100, last: 5_000 }

const DAY_MS = 24 * 3_600_000

/**
 * A document of its own for each process, replaced with what it says, and a change stream over all of them. One write is under way
 * at a time; what is said meanwhile goes together.
 */
export class MongodbChannel implements StorageChannel {
  readonly maxBytes = MAX_BYTES
  readonly #connection: MongodbConnection
  readonly #collection: string
  readonly #id = createIdFactory(realClock, cryptoRandom())()
  readonly #listeners = new ChannelListeners()
  readonly #waiting: string[] = []
  /** While texts are on their way. */
  #sending: Promise<void> | undefined
  #isFollowing = false
  #stream: MongodbStream | undefined
  #wake: (() => void) | undefined
  #seq = 0
  #isClosed = false

  constructor(connection: MongodbConnection, prefix: string) {
    this.#connection = connection
    this.#collection = channelCollection(prefix)
  }

  publish(text: string): void {
    if (this.#isClosed || Buffer.byteLength(text) > MAX_BYTES) return
    if (this.#waiting.push(text) > MAX_WAITING) this.#waiting.shift()
    this.#sending ??= this.#send()
  }

  subscribe(listener: (text: string) => void): () => void {
    if (this.#isClosed) return () => undefined
    const leave = this.#listeners.add(listener)
    if (!this.#isFollowing) {
      this.#isFollowing = true
      void this.#follow()
    }
    return leave
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    this.#wake?.()
    await Promise.all([this.#sending, this.#stream?.close()])
    if (this.#seq > 0) await this.#forget({ _id: this.#id })
    this.#seq = 0
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const u = { seq: ++this.#seq, at: new Date(realClock.now()), texts: this.#waiting.splice(0) }
      const updates = [{ q: { _id: this.#id }, u, upsert: true }]
      // A hint that is lost costs time, never correctness.
      await this.#connection.write({ update: this.#collection, updates }, 1).catch(() => undefined)
    }
    this.#sending = undefined
  }

  /** Follows the stream, and another one whenever it ends, until it is closed. */
  async #follow(): Promise<void> {
    // Of processes that could not take theirs away.
    await this.#forget({ at: { $lt: new Date(realClock.now() - DAY_MS) } })
    for (let pauseMs = PAUSE_MS.first; !this.#isClosed; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.last)) {
      try {
        this.#stream = await MongodbStream.open(this.#connection, this.#collection)
        while (!this.#isClosed) {
          this.#hear(await this.#stream.next())
          pauseMs = PAUSE_MS.first
        }
      } catch {
        // Its server went away, or the collection did.
      }
      await this.#stream?.close()
      if (!this.#isClosed) await this.#pause(pauseMs)
    }
  }

  #hear(documents: readonly unknown[]): void {
    for (const document of documents) {
      const { texts } = document as { readonly texts?: unknown }
      if (!Array.isArray(texts)) continue
      for (const text of texts) this.#listeners.tell(String(text))
    }
  }

  async #forget(q: Record<string, unknown>): Promise<void> {
    const command = { delete: this.#collection, deletes: [{ q, limit: 0 }] }
    await this.#connection.write(command, 1).catch(() => undefined)
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = realClock.setTimer(resolve, pauseMs)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
