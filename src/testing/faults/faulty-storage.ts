import { BatutaError } from '../../errors/base-error.js'
import type { Clock } from '../../internal/clock.js'
import type { Random } from '../../internal/random.js'
import type {
  IndexQuery,
  IndexRange,
  RecordKey,
  SetResult,
  Storage,
  StorageSchema,
  WriteSet,
} from '../../storage/storage.js'
import {
  between,
  drawFate,
  type ResolvedStorageFaults,
  resolveStorageFaults,
  type StorageFaults,
} from './storage-faults.js'

/** What a {@link FaultyStorage} needs. */
export interface FaultyStorageOptions {
  /** The clock that requests and late copies travel on. */
  readonly clock: Clock
  /** The clock of the process that asks: a frozen one gets no answer. Default `clock`. */
  readonly process?: Clock | undefined
  readonly random: Random
  readonly faults?: StorageFaults | undefined
}

/** What calls do while the network is cut: fail at once, or hang until they time out. */
export type PartitionMode = 'fail' | 'hang'

/**
 * A storage as one process sees it over a bad network: slow, absent, unsure of what it did, and with copies of commits
 * that arrive late. What it does to the storage underneath is what the port allows, and nothing else: it says
 * `outcomeAlwaysKnown: false`, whatever lies under it.
 */
export class FaultyStorage implements Storage {
  readonly name: string
  readonly outcomeAlwaysKnown = false
  readonly durable: boolean
  readonly #inner: Storage
  readonly #clock: Clock
  readonly #process: Clock
  readonly #random: Random
  #faults: ResolvedStorageFaults
  #partition: PartitionMode | undefined
  #killed = false
  #inFlight = 0

  constructor(inner: Storage, options: FaultyStorageOptions) {
    this.#inner = inner
    this.#clock = options.clock
    this.#process = options.process ?? options.clock
    this.#random = options.random
    this.#faults = resolveStorageFaults(options.faults ?? {})
    this.name = inner.name
    this.durable = inner.durable
  }

  /** Calls that have not been answered: none after a clean shutdown. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Other faults from now on. */
  setFaults(faults: StorageFaults): void {
    this.#faults = resolveStorageFaults(faults)
  }

  /** Cuts the network. Requests under way may still arrive; no answer comes back. */
  partition(mode: PartitionMode): void {
    this.#partition = mode
  }

  /** Ends a partition. */
  heal(): void {
    this.#partition = undefined
  }

  /** The process died: requests under way may or may not arrive, and nothing is ever answered. */
  kill(): void {
    this.#killed = true
  }

  open(schema: StorageSchema) {
    return this.#call(() => this.#inner.open(schema))
  }

  read(keys: readonly RecordKey[]) {
    return this.#call(() => this.#inner.read(keys))
  }

  query(index: string, query: IndexQuery) {
    return this.#call(() => this.#inner.query(index, query))
  }

  count(index: string, range: IndexRange) {
    return this.#call(() => this.#inner.count(index, range))
  }

  commit(sets: readonly WriteSet[]) {
    const free = sets.filter(() => this.#faults.busy === 0 || this.#random.next() >= this.#faults.busy)
    if (free.length === sets.length) return this.#call(() => this.#inner.commit(sets), sets)
    const isFree = new Set(free)
    return this.#call(async () => {
      const { now, results } = await this.#inner.commit(free)
      const answers = results.values()
      return { now, results: sets.map((set) => (isFree.has(set) ? (answers.next().value ?? BUSY) : BUSY)) }
    }, free)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }

  #call<T>(run: () => Promise<T>, sets?: readonly WriteSet[]): Promise<T> {
    const fate = drawFate(this.#faults, this.#random, sets !== undefined)
    const { timeoutMs } = this.#faults
    const cut = this.#partition
    this.#inFlight++
    return new Promise<T>((resolve, reject) => {
      // Answers come through the process's own clock, so that a frozen or dead process hears nothing.
      const answer = (delayMs: number, settle: () => void) => {
        this.#process.setTimer(() => {
          this.#inFlight--
          settle()
        }, delayMs)
      }
      const fail = (delayMs: number, code: FailureCode) => answer(delayMs, () => reject(failure(code, this.name)))
      const unsure: FailureCode = sets === undefined ? 'STORAGE_UNAVAILABLE' : 'STORAGE_OUTCOME_UNKNOWN'
      if (cut === 'fail') return fail(fate.answerMs, 'STORAGE_UNAVAILABLE')
      if (cut === 'hang') return fail(timeoutMs, unsure)
      const isTooSlow = fate.requestMs + fate.answerMs > timeoutMs
      if (isTooSlow) fail(timeoutMs, unsure)
      this.#clock.setTimer(() => {
        if (this.#killed && this.#random.next() < 0.5) return
        if (fate.outcome === 'unavailable') return isTooSlow || fail(fate.answerMs, 'STORAGE_UNAVAILABLE')
        if (fate.outcome === 'unknown' && sets !== undefined) {
          this.#applySome(sets)
          return isTooSlow || fail(fate.answerMs, unsure)
        }
        const done = run()
        if (fate.duplicated && sets !== undefined) this.#sendLater(sets)
        const isHeard = fate.outcome !== 'lost' && this.#partition === undefined
        done.then(
          (value) => {
            if (isTooSlow) return
            if (isHeard) answer(fate.answerMs, () => resolve(value))
            else fail(timeoutMs - fate.requestMs, unsure)
          },
          (error) => isTooSlow || answer(fate.answerMs, () => reject(error)),
        )
      }, fate.requestMs)
    })
  }

  /** Each set is applied now, later, or never: an unknown outcome says nothing about any of them. */
  #applySome(sets: readonly WriteSet[]): void {
    const now: WriteSet[] = []
    const later: WriteSet[] = []
    for (const set of sets) {
      if (this.#random.next() < 0.5) now.push(set)
      else if (this.#random.next() < this.#faults.appliedLater) later.push(set)
    }
    if (now.length > 0) this.#send(now)
    if (later.length > 0) this.#sendLater(later)
  }

  #sendLater(sets: readonly WriteSet[]): void {
    this.#clock.setTimer(() => this.#send(sets), between(this.#faults.copyAfterMs, this.#random))
  }

  /** Sends a copy whose answer nobody waits for. */
  #send(sets: readonly WriteSet[]): void {
    this.#inner.commit(sets).catch(() => undefined)
  }
}

const BUSY: SetResult = Object.freeze({ applied: false, reason: 'busy' })

type FailureCode = 'STORAGE_UNAVAILABLE' | 'STORAGE_OUTCOME_UNKNOWN'

function failure(code: FailureCode, storage: string) {
  return new BatutaError(code, 'The simulated network failed.', { data: { storage } })
}
