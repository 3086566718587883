import { realClock, type Timer } from '../../internal/clock.js'
import { ChannelListeners } from '../channel-listeners.js'
import type { StorageChannel } from '../storage.js'
import type { RedisClient } from './redis-client.js'
import type { RedisConnection } from './redis-connection.js'
import { deadline } from './redis-deadline.js'

/** Redis takes much more, but a message is copied to every subscriber. */
const MAX_BYTES = 64 * 1024

/** Pub/sub: texts go out on the storage's connection and come in on one of the channel's own, made when somebody listens. */
export class RedisChannel implements StorageChannel {
  readonly maxBytes = MAX_BYTES
  readonly #connection: RedisConnection
  readonly #name: string
  readonly #listeners = new ChannelListeners()
  #client: RedisClient | undefined
  #timer: Timer | undefined
  #isClosed = false

  constructor(connection: RedisConnection, name: string) {
    this.#connection = connection
    this.#name = name
  }

  publish(text: string): void {
    if (!this.#isClosed && Buffer.byteLength(text) <= MAX_BYTES) this.#connection.publish(this.#name, text)
  }

  subscribe(listener: (text: string) => void): () => void {
    if (this.#isClosed) return () => undefined
    const leave = this.#listeners.add(listener)
    this.#client ??= this.#listen()
    return leave
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    this.#timer?.cancel()
    this.#client?.disconnect()
    this.#client = undefined
  }

  #listen(): RedisClient {
    const client = this.#connection.listener()
    client.on('error', () => undefined)
    client.on('message', (_channel: unknown, text: unknown) => {
      this.#listeners.tell(String(text))
    })
    client.on('ready', () => this.#subscribe(client))
    client.connect().catch(() => undefined)
    return client
  }

  /**
   * Subscribes, and again every few seconds: to who is subscribed that is a ping, and one that needs no other right. Nothing
   * else is sent on this connection, so nothing else would show that it leads nowhere any more.
   */
  #subscribe(client: RedisClient): void {
    this.#timer?.cancel()
    if (this.#isClosed || client.status !== 'ready') return
    const { timeoutMs } = this.#connection
    this.#timer = deadline(timeoutMs, () => client.disconnect(true))
    const answered = () => {
      this.#timer?.cancel()
      if (!this.#isClosed) this.#timer = realClock.setTimer(() => this.#subscribe(client), 2 * timeoutMs)
    }
    client.subscribe(this.#name).then(answered, answered)
  }
}
