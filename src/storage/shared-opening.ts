import { BatutaError } from '../errors/base-error.js'

/**
 * What there is while a storage is open. Several orchestrators of one process may share a storage: it is opened for the
 * first, and closed when each that opened it has closed it. One that could not be opened may be opened again.
 */
export class SharedOpening<T> {
  #opening: Promise<T> | undefined
  #opened: T | undefined
  #users = 0

  /** @param storage - its name in data. @param shown - its name for people. */
  constructor(
    private readonly storage: string,
    private readonly shown: string,
  ) {}

  /** Opens it unless it is open. Throws what `connect` throws. */
  async open(connect: () => Promise<T>): Promise<T> {
    this.#opening ??= connect()
    const opening = this.#opening
    this.#users++
    try {
      this.#opened = await opening
      return this.#opened
    } catch (error) {
      this.#users--
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
  }

  /** @throws STORAGE_CLOSED */
  get(): T {
    if (this.#opened !== undefined) return this.#opened
    throw new BatutaError('STORAGE_CLOSED', `The ${this.shown} storage is not open.`, {
      data: { storage: this.storage },
      fix: 'Call open() first.',
    })
  }

  /** One user has closed it. @returns what is to be let go of, after the last one. */
  leave(): T | undefined {
    if (this.#users === 0 || --this.#users > 0) return undefined
    const opened = this.#opened
    this.#opened = undefined
    this.#opening = undefined
    return opened
  }
}
