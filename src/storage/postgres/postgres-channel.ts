import { realClock, type Timer } from '../../internal/clock.js'
import { ChannelListeners } from '../channel-listeners.js'
import { quoted } from '../sql/names.js'
import type { StorageChannel } from '../storage.js'
import type { PostgresConnection } from './postgres-connection.js'
import type { PostgresClient, PostgresNotification } from './postgres-driver.js'

/** NOTIFY takes up to 7,999 bytes. */
const MAX_BYTES = 7_900

/** So many texts wait while others are on their way; of more, the oldest are lost. */
const MAX_WAITING = 100

/**
 * Told before it is flushed to the disk: a hint may be lost, and whoever notifies holds a lock of the whole server until its
 * transaction has ended, for which all others wait.
 */
const NOTIFY =
  "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, text) FROM unnest($2::text[]) AS text"

/** Pauses before it connects again, doubled from the first to the last. */
const PAUSE_MS = { first: 100, last: 5_000 }

/** How often a connection that may be dead without saying so is asked. */
const PROBE_MS = 15_000

/**
 * LISTEN on a connection of its own, taken when somebody listens first; NOTIFY on any, one at a time. Never inside a commit: a
 * transaction that notifies takes a lock of the whole server at its end.
 */
export class PostgresChannel implements StorageChannel {
  readonly maxBytes = MAX_BYTES
  readonly #connection: PostgresConnection
  readonly #name: string
  readonly #listeners = new ChannelListeners()
  readonly #waiting: string[] = []
  /** While texts are on their way. */
  #sending: Promise<void> | undefined
  #client: PostgresClient | undefined
  #isWanted = false
  #isClosed = false
  #pauseMs = PAUSE_MS.first
  #timer: Timer | undefined

  constructor(connection: PostgresConnection, name: string) {
    this.#connection = connection
    this.#name = name
  }

  publish(text: string): void {
    if (this.#isClosed || Buffer.byteLength(text) > MAX_BYTES) return
    if (this.#waiting.push(text) > MAX_WAITING) this.#waiting.shift()
    this.#sending ??= this.#send()
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const texts = this.#waiting.splice(0)
      // A hint that is lost costs time, never correctness.
      await this.#connection.run('reads', NOTIFY, [this.#name, texts]).catch(() => undefined)
    }
    this.#sending = undefined
  }

  subscribe(listener: (text: string) => void): () => void {
    if (this.#isClosed) return () => undefined
    const leave = this.#listeners.add(listener)
    if (!this.#isWanted) {
      this.#isWanted = true
      void this.#connect()
    }
    return leave
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    this.#timer?.cancel()
    if (this.#client !== undefined) this.#drop(this.#client)
    await this.#sending
  }

  async #connect(): Promise<void> {
    let client: PostgresClient | undefined
    try {
      client = await this.#connection.connect()
      client.on('error', this.#onLoss)
      client.on('end', this.#onLoss)
      client.on('notification', this.#onNotification)
      await this.#connection.ask(client, `LISTEN ${quoted(this.#name)}`)
    } catch {
      if (client !== undefined) this.#release(client)
      this.#again()
      return
    }
    if (this.#isClosed) {
      this.#release(client)
      return
    }
    this.#client = client
    this.#pauseMs = PAUSE_MS.first
    this.#probeLater(client)
  }

  #probeLater(client: PostgresClient): void {
    this.#timer = realClock.setTimer(() => {
      this.#connection.ask(client, 'SELECT 1').then(
        () => this.#client === client && this.#probeLater(client),
        () => this.#drop(client),
      )
    }, PROBE_MS)
  }

  readonly #onLoss = (): void => {
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  readonly #onNotification = ({ channel, payload }: PostgresNotification): void => {
    if (channel !== this.#name || payload === undefined) return
    this.#listeners.tell(payload)
  }

  /** Gives a connection up, and makes another one. */
  #drop(client: PostgresClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#timer?.cancel()
    this.#release(client)
    this.#again()
  }

  /** Closed and not given back: it listens. */
  #release(client: PostgresClient): void {
    client.removeListener('notification', this.#onNotification)
    client.removeListener('end', this.#onLoss)
    client.removeListener('error', this.#onLoss)
    this.#connection.release(client, true)
  }

  #again(): void {
    if (this.#isClosed) return
    this.#timer = realClock.setTimer(() => void this.#connect(), this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS.last)
  }
}
