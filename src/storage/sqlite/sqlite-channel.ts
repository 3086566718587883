import { realClock, type Timer } from '../../internal/clock.js'
import { ChannelListeners } from '../channel-listeners.js'
import type { StorageChannel } from '../storage.js'
import { transaction } from './sqlite-connection.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.js'
import { isBusy } from './sqlite-errors.js'
import { CHANNEL_TABLE } from './sqlite-layout.js'

const MAX_BYTES = 16 * 1024

/** So many texts stay in the table: who looks after as many others has missed some. */
const KEPT = 500

/** So many texts wait for a lock of others; of more, the oldest are lost. */
const MAX_WAITING = 100

/** How often it looks: soon after something was said or heard, and else. A look is some ten microseconds. */
const LOOK_MS = { soon: 3, else: 20 }
const SOON_FOR_MS = 250

/** Pauses before it connects again, doubled from the first to the last. */
const PAUSE_MS = { first: 100, last: 5_000 }

/**
 * A table of the file, written by a connection of its own that neither waits for a lock nor flushes, and looked at every few
 * milliseconds: SQLite tells nobody that something was written.
 */
export class SqliteChannel implements StorageChannel {
  readonly maxBytes = MAX_BYTES
  readonly #connect: () => Promise<SqliteDatabase>
  readonly #listeners = new ChannelListeners()
  readonly #waiting: string[] = []
  #opening: Promise<void> | undefined
  #texts: ChannelTable | undefined
  #isClosed = false
  #pauseMs = PAUSE_MS.first
  /** Monotonic times: until when it looks often, and when it looks next. */
  #soonUntil = 0
  #lookAt = Number.POSITIVE_INFINITY
  #timer: Timer | undefined

  /** @param connect - opens the connection, which is closed with the channel. */
  constructor(connect: () => Promise<SqliteDatabase>) {
    this.#connect = connect
  }

  publish(text: string): void {
    if (this.#isClosed || Buffer.byteLength(text) > MAX_BYTES) return
    if (this.#waiting.push(text) > MAX_WAITING) this.#waiting.shift()
    this.#opening ??= this.#open()
    this.#tried(() => this.#say())
    this.#lookLater()
  }

  subscribe(listener: (text: string) => void): () => void {
    if (this.#isClosed) return () => undefined
    const leave = this.#listeners.add(listener)
    this.#opening ??= this.#open()
    return leave
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listeners.clear()
    await this.#opening
    this.#tried(() => this.#say())
    this.#letGo()
  }

  async #open(): Promise<void> {
    let database: SqliteDatabase | undefined
    try {
      database = await this.#connect()
      this.#texts = new ChannelTable(database)
      this.#pauseMs = PAUSE_MS.first
      if (!this.#isClosed) this.#look()
    } catch {
      database?.close()
      this.#again()
    }
  }

  #look(): void {
    this.#lookAt = Number.POSITIVE_INFINITY
    // Heard first: that needs no lock.
    this.#tried(() => this.#hear())
    this.#tried(() => this.#say())
    this.#lookLater()
  }

  #hear(): void {
    const texts = this.#texts?.takeNew() ?? []
    if (texts.length > 0) this.#stayAwake()
    for (const text of texts) this.#listeners.tell(text)
  }

  #say(): void {
    if (this.#texts === undefined || this.#waiting.length === 0) return
    this.#stayAwake()
    this.#texts.add(this.#waiting)
    this.#waiting.length = 0
  }

  #stayAwake(): void {
    this.#soonUntil = realClock.monotonic() + SOON_FOR_MS
  }

  /** Looks after the pause that is due, or before: whoever says something often must not put its looks off. */
  #lookLater(): void {
    if (this.#isClosed || this.#texts === undefined) return
    const now = realClock.monotonic()
    const pauseMs = now < this.#soonUntil ? LOOK_MS.soon : LOOK_MS.else
    if (this.#lookAt <= now + pauseMs) return
    this.#lookAt = now + pauseMs
    this.#timer?.cancel()
    this.#timer = realClock.setTimer(() => this.#look(), pauseMs)
  }

  /** What a lock of others hindered is tried again with the next look. Anything else costs the connection. */
  #tried(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (isBusy(error)) return
      this.#letGo()
      this.#again()
    }
  }

  #letGo(): void {
    const { database } = this.#texts ?? {}
    this.#texts = undefined
    this.#lookAt = Number.POSITIVE_INFINITY
    this.#timer?.cancel()
    try {
      database?.close()
    } catch {
      // It was closed by somebody else, or is past it.
    }
  }

  #again(): void {
    if (this.#isClosed) return
    this.#timer = realClock.setTimer(() => {
      this.#opening = this.#open()
    }, this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS.last)
  }
}

interface Row {
  readonly seq: number
  readonly text: string
}

/** The table, and how far it was read. The last texts stay in it, so that their numbers go on. */
class ChannelTable {
  readonly #insert: SqliteStatement
  readonly #forget: SqliteStatement
  readonly #newer: SqliteStatement
  #seen: number

  constructor(readonly database: SqliteDatabase) {
    this.#insert = database.prepare(`INSERT INTO ${CHANNEL_TABLE} (text) VALUES (?)`)
    const last = `SELECT max(seq) AS seq FROM ${CHANNEL_TABLE}`
    this.#forget = database.prepare(`DELETE FROM ${CHANNEL_TABLE} WHERE seq <= (${last}) - ${KEPT}`)
    this.#newer = database.prepare(`SELECT seq, text FROM ${CHANNEL_TABLE} WHERE seq > ? ORDER BY seq`)
    this.#seen = Number((database.prepare(last).get() as Row | undefined)?.seq ?? 0)
  }

  add(texts: readonly string[]): void {
    transaction(this.database, () => {
      for (const text of texts) this.#insert.run(text)
      this.#forget.run()
    })
  }

  /** The texts since the last time. */
  takeNew(): string[] {
    const rows = this.#newer.all(this.#seen) as Row[]
    this.#seen = rows.at(-1)?.seq ?? this.#seen
    return rows.map(({ text }) => text)
  }
}
