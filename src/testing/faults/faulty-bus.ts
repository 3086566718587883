import type { Bus, BusMessage } from '../../bus/bus.js'
import type { Clock, Timer } from '../../internal/clock.js'
import type { Random } from '../../internal/random.js'

/** What happens to messages, as chances from 0 to 1. */
export interface BusFaults {
  /** Default 0. */
  readonly lost?: number | undefined
  /** A second copy comes later. Default 0. */
  readonly duplicated?: number | undefined
  /** How long a copy travels, from and to, in milliseconds. Default 0 to 5. */
  readonly delayMs?: readonly [number, number] | undefined
}

/** What a {@link FaultyBus} needs. */
export interface FaultyBusOptions {
  /** The clock that messages travel on. */
  readonly clock: Clock
  /** The clock of the process that sends and listens: a frozen one hears nothing. Default `clock`. */
  readonly process?: Clock | undefined
  readonly random: Random
  readonly faults?: BusFaults | undefined
}

/** A bus that loses, doubles, delays and reorders what one owner publishes. */
export class FaultyBus implements Bus {
  readonly name: string
  readonly #inner: Bus
  readonly #options: FaultyBusOptions
  #faults: BusFaults
  #subscriptions = 0

  constructor(inner: Bus, options: FaultyBusOptions) {
    this.#inner = inner
    this.#options = options
    this.#faults = options.faults ?? {}
    this.name = `faulty ${inner.name}`
  }

  /** How many listeners there are: none after a clean shutdown. */
  get subscriptions(): number {
    return this.#subscriptions
  }

  /** Other faults from now on. */
  setFaults(faults: BusFaults): void {
    this.#faults = faults
  }

  publish(message: BusMessage): void {
    const { random } = this.#options
    if (random.next() < (this.#faults.lost ?? 0)) return
    this.#send(message)
    if (random.next() < (this.#faults.duplicated ?? 0)) this.#send(message)
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    const process = this.#options.process ?? this.#options.clock
    let subscribed = true
    this.#subscriptions++
    const underWay = new Set<Timer>()
    const unsubscribe = this.#inner.subscribe((message) => {
      if (!subscribed) return
      const timer = process.setTimer(() => {
        underWay.delete(timer)
        listener(message)
      }, 0)
      underWay.add(timer)
    })
    return () => {
      if (!subscribed) return
      subscribed = false
      this.#subscriptions--
      for (const timer of underWay) timer.cancel()
      unsubscribe()
    }
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #send(message: BusMessage): void {
    const [fromMs, toMs] = this.#faults.delayMs ?? [0, 5]
    const delayMs = fromMs + this.#options.random.next() * (toMs - fromMs)
    this.#options.clock.setTimer(() => this.#inner.publish(message), delayMs)
  }
}
