interface Waiter {
  readonly giveUpAt: number
  wake(): void
  reject(error: unknown): void
}

/** Those who wait until there is room for another set. */
export class Room {
  #waiters: Waiter[] = []

  wait(giveUpAt: number): Promise<void> {
    return new Promise((wake, reject) => this.#waiters.push({ giveUpAt, wake, reject }))
  }

  wakeAll(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.wake()
  }

  /** Those who may wait no longer do so with this error. */
  giveUp(now: number, error: () => unknown): void {
    const spent = this.#waiters.filter(({ giveUpAt }) => giveUpAt <= now)
    if (spent.length === 0) return
    this.#waiters = this.#waiters.filter(({ giveUpAt }) => giveUpAt > now)
    for (const { reject } of spent) reject(error())
  }
}
