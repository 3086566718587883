import { BatutaError } from '../errors/base-error.js'

/** From when the first asks for it until the last has closed it. */
class Opening<T> {
  readonly connecting: Promise<T>
  opened: T | undefined
  users = 0

  constructor(connect: Connect<T>) {
    this.connecting = connect(() => this.users > 0)
  }
}

/** @param isWanted - whether anybody still waits for it. */
type Connect<T> = (isWanted: () => boolean) => Promise<T>

/**
 * What there is while a storage is open. Several orchestrators of one process may share a storage: it is opened for the
 * first, and closed when each that opened it has closed it. One that could not be opened may be opened again.
 */
export class SharedOpening<T> {
  #opening: Opening<T> | undefined

  /**
   * @param storage - its name in data.
   * @param shown - its name for people.
   * @param letGo - of what was opened after everybody had closed it.
   */
  constructor(
    private readonly storage: string,
    private readonly shown: string,
    private readonly letGo: (opened: T) => unknown = () => undefined,
  ) {}

  /** Opens it unless it is open. Throws what `connect` throws. @throws STORAGE_CLOSED when it was closed meanwhile. */
  async open(connect: Connect<T>): Promise<T> {
    this.#opening ??= new Opening(connect)
    const opening = this.#opening
    opening.users++
    try {
      opening.opened = await opening.connecting
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
    if (opening.users > 0) return opening.opened
    throw this.#closed('was closed while it was being opened', 'Open it again.')
  }

  /** @throws STORAGE_CLOSED */
  get(): T {
    const opened = this.#opening?.opened
    if (opened !== undefined) return opened
    throw this.#closed('is not open', 'Call open() first.')
  }

  /** One user has closed it. @returns what is to be let go of, after the last one. */
  leave(): T | undefined {
    const opening = this.#opening
    if (opening === undefined || --opening.users > 0) return undefined
    this.#opening = undefined
    if (opening.opened === undefined) opening.connecting.then(this.letGo).catch(() => undefined)
    return opening.opened
  }

  #closed(what: string, fix: string): BatutaError<'STORAGE_CLOSED'> {
    return new BatutaError('STORAGE_CLOSED', `The ${this.shown} storage ${what}.`, {
      data: { storage: this.storage },
      fix,
    })
  }
}
