import { type Clock, defer, type Timer } from '../../internal/clock.js'
import { tell } from '../../internal/tell.js'
import type { Bus, BusMessage } from '../bus.js'
import { Collected, hintsOf } from './channel-text.js'

/** What carries the texts: a storage's channel fits. Texts may be lost, doubled or late; a sender may hear its own. */
export interface TextChannel {
  /** The longest text that it carries, in bytes of UTF-8. */
  readonly maxBytes: number
  publish(text: string): void
  /** Listens; the answer stops it. */
  subscribe(listener: (text: string) => void): () => void
  close(): Promise<void>
}

/** Options of a {@link ChannelBus}. */
export interface ChannelBusOptions {
  readonly clock: Clock
  /** Its own name, different from all others': so it knows its own texts. */
  readonly sender: string
  /** Whether anybody else may listen: if not, nothing is collected. Default: always. */
  readonly isHeard?: (() => boolean) | undefined
  /** A text of somebody else came; called before its hints are told. */
  readonly onHeard?: (() => void) | undefined
  /** The least time between two texts, in milliseconds: what comes meanwhile is collected. Default 3. */
  readonly collectMs?: number | undefined
}

const COLLECT_MS = 3

/**
 * A bus over a channel for short texts, such as a storage's. What is published at once, or within a few milliseconds of
 * the last text, goes out together, each thing said once; a lone hint waits for nothing. The channel is opened when
 * somebody first listens; until then nothing is sent.
 */
export class ChannelBus implements Bus {
  readonly name = 'channel'
  readonly #open: () => TextChannel
  readonly #options: ChannelBusOptions
  readonly #listeners = new Set<(message: BusMessage) => void>()
  #channel: TextChannel | undefined
  #collected: Collected | undefined
  #timer: Timer | undefined
  /** Monotonic time of the last text. */
  #sentAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  /** @param open - opens the channel; called once. */
  constructor(open: () => TextChannel, options: ChannelBusOptions) {
    this.#open = open
    this.#options = options
  }

  publish(message: BusMessage): void {
    if (this.#channel === undefined || this.#options.isHeard?.() === false) return
    if (this.#collected === undefined) {
      this.#collected = new Collected()
      this.#sendSoon()
    }
    this.#collected.add(message)
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    if (this.#channel === undefined && !this.#isClosed) {
      this.#channel = this.#open()
      this.#channel.subscribe((text) => this.#hear(text))
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sends what is collected, and lets go of the channel. */
  async close(): Promise<void> {
    const channel = this.#channel
    this.#isClosed = true
    this.#send()
    this.#channel = undefined
    this.#listeners.clear()
    await channel?.close()
  }

  #sendSoon(): void {
    const { clock, collectMs = COLLECT_MS } = this.#options
    const restMs = this.#sentAt + collectMs - clock.monotonic()
    const send = () => this.#send()
    if (restMs > 0) this.#timer = clock.setTimer(send, restMs)
    else defer(clock, send)
  }

  #send(): void {
    const collected = this.#collected
    this.#timer?.cancel()
    this.#timer = undefined
    this.#collected = undefined
    if (collected === undefined || this.#channel === undefined) return
    this.#sentAt = this.#options.clock.monotonic()
    try {
      for (const text of collected.texts(this.#options.sender, this.#channel.maxBytes)) this.#channel.publish(text)
    } catch {
      // A hint that can't be said is lost, as any hint may be.
    }
  }

  #hear(text: string): void {
    const hints = hintsOf(text)
    if (hints === undefined || hints.from === this.#options.sender) return
    this.#options.onHeard?.()
    for (const message of hints.messages) for (const listener of this.#listeners) tell(listener, message)
  }
}
