import { realClock } from '../../internal/clock.js'
import { createClient, duplicateOf, type RedisClient } from './redis-client.js'
import { deadline } from './redis-deadline.js'
import { type CallKind, isRefusal, lostConnection, notConnected, reasonOf, toStorageError } from './redis-errors.js'
import type { RedisSettings } from './redis-options.js'
import type { RedisScript } from './redis-script.js'

/**
 * One connection for commands. What is asked while it is broken fails at once, before it is sent; what is under way when
 * it breaks fails at once too; and what gets no answer in time breaks it. It comes back by itself.
 */
export class RedisConnection {
  readonly #client: RedisClient
  /** How long an answer may take. */
  readonly timeoutMs: number
  #lastError: unknown
  #isClosed = false

  private constructor(client: RedisClient, timeoutMs: number) {
    this.#client = client
    this.timeoutMs = timeoutMs
    client.on('error', (error: unknown) => {
      this.#lastError = reasonOf(error)
    })
    client.on('ready', () => {
      this.#lastError = undefined
    })
  }

  /**
   * Connects, and waits for a server that is starting or loading.
   * @throws PEER_MISSING; STORAGE_UNAVAILABLE after `openTimeoutMs`, or at once when the server refuses user or database.
   */
  static async open({ address, commandTimeoutMs, openTimeoutMs }: RedisSettings): Promise<RedisConnection> {
    const client = await createClient(address, { queues: false, timeoutMs: commandTimeoutMs })
    const connection = new RedisConnection(client, commandTimeoutMs)
    try {
      await connection.#ready(openTimeoutMs)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** Another client for the same place, whose commands may wait for their connection. */
  listener(): RedisClient {
    return duplicateOf(this.#client, { queues: true, timeoutMs: this.timeoutMs })
  }

  /** Tells whoever listens. What can't be sent is lost. */
  publish(channel: string, text: string): void {
    if (this.#client.status === 'ready') this.#client.publish(channel, text).catch(() => undefined)
  }

  /**
   * Runs a script, and sends its text where the server does not know it.
   * @throws STORAGE_UNAVAILABLE when it certainly did nothing; STORAGE_OUTCOME_UNKNOWN when it writes and nobody can say.
   */
  async run(kind: CallKind, script: RedisScript, keys: readonly string[], args: readonly (string | number)[]) {
    const rest = [keys.length, ...keys, ...args]
    try {
      return (await this.#send(kind, 'EVALSHA', [script.sha, ...rest])) as unknown[]
    } catch (error) {
      if (!(error instanceof Error) || !/^NOSCRIPT/.test(error.message)) throw toStorageError(error, kind)
    }
    return (await this.call(kind, 'EVAL', [script.text, ...rest])) as unknown[]
  }

  /** Sends one command. Throws what {@link run} throws. */
  async call(kind: CallKind, command: string, args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#send(kind, command, args)
    } catch (error) {
      throw toStorageError(error, kind)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#client.disconnect()
  }

  #send(kind: CallKind, command: string, args: readonly (string | number)[]): Promise<unknown> {
    if (this.#isClosed || this.#client.status !== 'ready') throw notConnected(this.#lastError)
    const answer = this.#client.call(command, ...args)
    return new Promise((resolve, reject) => {
      const limit = deadline(this.timeoutMs, () => {
        reject(lostConnection(kind, undefined))
        this.#client.disconnect(true)
      })
      answer.then(
        (value) => {
          limit.cancel()
          resolve(value)
        },
        (error: unknown) => {
          limit.cancel()
          reject(error)
        },
      )
    })
  }

  #ready(limitMs: number): Promise<void> {
    const client = this.#client
    return new Promise((resolve, reject) => {
      const timer = realClock.setTimer(() => reject(notConnected(this.#lastError)), limitMs)
      const refuse = (error: unknown) => {
        const reason = reasonOf(error)
        if (!isRefusal(reason)) return
        timer.cancel()
        reject(toStorageError(reason, 'reads'))
      }
      client.on('ready', () => {
        timer.cancel()
        resolve()
      })
      client.on('error', refuse)
      client.connect().catch((error: unknown) => {
        this.#lastError ??= error
      })
    })
  }
}
