import { tell } from '../internal/tell.js'

/** Who listens to a channel. */
export class ChannelListeners {
  readonly #all = new Set<(text: string) => void>()

  /** @returns what stops it. One function given twice is two listeners. */
  add(listener: (text: string) => void): () => void {
    const own = (text: string) => listener(text)
    this.#all.add(own)
    return () => this.#all.delete(own)
  }

  /** What a listener throws is no news here; the others must still hear. */
  tell(text: string): void {
    for (const listener of this.#all) tell(listener, text)
  }

  clear(): void {
    this.#all.clear()
  }
}
