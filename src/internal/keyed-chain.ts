/** Runs what is asked for under one key one after another, and what is under different keys side by side. */
export class KeyedChain {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `fn` when everything asked for under this key before has settled. Settles as `fn` does. */
  run<T>(key: string, fn: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const own = before === undefined ? fn() : before.then(fn, fn)
    const tail = own.then(nothing, nothing).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    this.#tails.set(key, tail)
    return own
  }
}

const nothing = () => undefined
