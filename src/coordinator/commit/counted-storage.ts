import type { Clock } from '../../internal/clock.js'
import type {
  IndexQuery,
  IndexRange,
  RecordKey,
  Storage,
  StorageChannel,
  StorageSchema,
  WriteSet,
} from '../../storage/storage.js'

/** A storage that knows which of its calls are under way, so that a shutdown can wait for them before it closes. */
export class CountedStorage implements Storage {
  readonly name: string
  readonly outcomeAlwaysKnown: boolean
  readonly durable: boolean
  readonly channel?: () => StorageChannel
  #underWay = 0
  #whenIdle: (() => void)[] = []
  #opening: Promise<unknown> | undefined
  #isOpen = false

  constructor(
    private readonly inner: Storage,
    private readonly clock: Clock,
  ) {
    this.name = inner.name
    this.outcomeAlwaysKnown = inner.outcomeAlwaysKnown
    this.durable = inner.durable
    if (inner.channel !== undefined) this.channel = () => (inner as Required<Storage>).channel()
  }

  async open(schema: StorageSchema) {
    const opening = this.inner.open(schema)
    this.#opening = opening
    const answer = await opening
    this.#isOpen = true
    return answer
  }

  read(keys: readonly RecordKey[]) {
    return this.#count(this.inner.read(keys))
  }

  query(index: string, query: IndexQuery) {
    return this.#count(this.inner.query(index, query))
  }

  count(index: string, range: IndexRange) {
    return this.#count(this.inner.count(index, range))
  }

  commit(sets: readonly WriteSet[]) {
    return this.#count(this.inner.commit(sets))
  }

  /**
   * Closes what was opened here: others may share the storage. For one that is still being opened nobody waits: it is closed once
   * it is open.
   */
  async close(): Promise<void> {
    if (this.#isOpen) await this.inner.close()
    else this.#opening?.then(() => this.inner.close()).catch(() => undefined)
  }

  /** Resolves when no call is under way, or after `waitMs`: a storage that never answers must not keep a process alive. */
  async idle(waitMs: number): Promise<void> {
    const giveUpAt = this.clock.monotonic() + waitMs
    while (this.#underWay > 0 && this.clock.monotonic() < giveUpAt) {
      await this.#orAfter(giveUpAt - this.clock.monotonic(), (resolve) => this.#whenIdle.push(resolve))
      // Whoever got the last answer may ask on.
      await this.#orAfter(0, () => {})
    }
  }

  #orAfter(ms: number, register: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.clock.setTimer(resolve, ms)
      register(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async #count<T>(call: Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await call
    } finally {
      this.#underWay--
      if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
    }
  }
}
