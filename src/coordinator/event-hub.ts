import { EventEmitter } from 'eventemitter3'
import type { Clock } from '../internal/clock.js'
import type { Logger } from '../internal/logger.js'
import { checkListener } from '../task/check-listener.js'
import type { BatutaEvent, EventListener, EventName, EventOf, EventPattern, EventPayloads } from '../task/events.js'

type Listener = (event: BatutaEvent) => unknown

/** What is called for one subscription: `off` finds it by the function that the user knows. */
interface Subscription extends Listener {
  readonly listener: unknown
}

/**
 * Tells listeners what happened. A listener that throws or rejects harms nobody: that is itself an event
 * (`listener:error`), and a log line when nobody listens to it.
 */
export class EventHub {
  readonly #emitter = new EventEmitter<string>()
  #listeners = 0

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Listens to a name, `'task:*'` or `'*'`; the answer unsubscribes. @throws OPTIONS_INVALID for a name that does not exist. */
  on<P extends EventPattern>(name: P, listener: EventListener<P>): () => void {
    return this.#subscribe(name, listener, (event) => listener(event))
  }

  /** Listens to the next one only. */
  once<P extends EventPattern>(name: P, listener: EventListener<P>): () => void {
    const stop = this.#subscribe(name, listener, (event) => {
      stop()
      return listener(event)
    })
    return stop
  }

  /** Ends every subscription of a listener to a name. */
  off<P extends EventPattern>(name: P, listener: EventListener<P>): void {
    this.#unsubscribe(name, (one) => one.listener === listener)
  }

  /** Whether anybody listens to anything: making an event's payload may cost something. */
  get hasListeners(): boolean {
    return this.#listeners > 0
  }

  /** Tells everybody, in this order: the exact name, its family, all. `fields` may be a function, called only when somebody listens. */
  emit<N extends EventName>(type: N, fields: EventPayloads[N] | (() => EventPayloads[N])): void {
    if (this.#listeners === 0) return
    const family = `${type.slice(0, type.indexOf(':'))}:*`
    const listeners = [type, family, '*'].flatMap((name) => this.#emitter.listeners(name)) as Listener[]
    if (listeners.length === 0) return
    const payload = typeof fields === 'function' ? fields() : fields
    const event = { ...payload, type, at: new Date(this.clock.now()) } as BatutaEvent
    for (const listener of listeners) this.#call(listener, event)
  }

  #subscribe<P extends EventPattern>(
    name: P,
    listener: EventListener<P>,
    call: (event: EventOf<P>) => unknown,
  ): () => void {
    checkListener(name, listener)
    const subscription = Object.assign(call, { listener })
    this.#emitter.on(name, subscription)
    this.#listeners++
    return () => this.#unsubscribe(name, (one) => one === subscription)
  }

  #unsubscribe(name: string, isMeant: (one: Subscription) => boolean): void {
    const subscriptions = this.#emitter.listeners(name) as Subscription[]
    for (const one of subscriptions.filter(isMeant)) {
      this.#emitter.off(name, one)
      this.#listeners--
    }
  }

  #call(listener: Listener, event: BatutaEvent): void {
    try {
      const answer = listener(event)
      if (answer instanceof Promise) answer.catch((error) => this.#failed(event, error))
    } catch (error) {
      this.#failed(event, error)
    }
  }

  #failed(event: BatutaEvent, error: unknown): void {
    this.log.error({ event: event.type, error }, 'a listener failed')
    // One that fails on `listener:error` itself is only logged, or it would go round for ever.
    if (event.type !== 'listener:error') this.emit('listener:error', { event: event.type, error })
  }
}
