import { isBatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import type { IndexDefinition, RecordKey, SetResult, StoredRecord, WriteSet } from '../storage.js'
import type { MongodbDocument } from './mongodb-client.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { outcomeUnknown, unavailable } from './mongodb-errors.js'
import { documentOf } from './mongodb-record.js'
import type { MongodbTransactions } from './mongodb-transaction.js'
import {
  deleteCommands,
  expectCommands,
  leaveCommands,
  onlyExpects,
  type PreparedWrite,
  type WriteCommand,
} from './mongodb-write.js'

const APPLIED: SetResult = Object.freeze({ applied: true })

/** How often sets that stand in somebody's way are tried, and the pause after the first try; it doubles. */
const TRIES = 6
const FIRST_PAUSE_MS = 10

/** A set, ready to be sent; and its answer, once it is known. */
export interface PreparedSet {
  readonly set: WriteSet
  readonly writes: readonly PreparedWrite[]
  result: SetResult | undefined
}

/** What stands at some keys, and the time at which it was asked for. */
export type ReadRecords = (
  keys: readonly RecordKey[],
) => Promise<{ readonly now: number; readonly records: readonly (StoredRecord | undefined)[] }>

/** What commits need. */
export interface CommitParts {
  readonly connection: MongodbConnection
  readonly transactions: MongodbTransactions
  readonly collection: (kind: string) => string
  readonly read: ReadRecords
}

/** Makes all documents before anything is sent: should a key function throw, nothing was written. */
export function prepareSets(
  sets: readonly WriteSet[],
  indexesOf: (kind: string) => readonly IndexDefinition[],
): PreparedSet[] {
  return sets.map((set) => {
    const writes = set.writes.map((write): PreparedWrite => {
      const { id, leave } = write
      const indexes = indexesOf(write.kind)
      const made = leave ? documentOf(indexes, id, leave.version, leave.value) : undefined
      return { ...write, document: made?.document, bytes: made?.bytes ?? 0, notAfter: set.notAfter }
    })
    return { set, writes, result: undefined }
  })
}

/**
 * Commits sets. Those of one record need no transaction: they go as one command per collection, in which each write is
 * guarded on its own. The others share one transaction, and are tried in smaller groups when that fails.
 */
export class MongodbCommit {
  readonly #parts: CommitParts
  /** On our own monotonic clock: until then the server may still be busy with writes whose outcome is unknown. */
  #busyUntil = 0

  constructor(parts: CommitParts) {
    this.#parts = parts
  }

  /** Gives every set its result. Throws what the port says of `commit`. */
  async run(sets: readonly PreparedSet[]): Promise<void> {
    const isAlone = ({ writes: [only, ...others] }: PreparedSet) =>
      only !== undefined && others.length === 0 && !onlyExpects(only)
    const together = sets.filter((one) => !isAlone(one))
    const parts = [this.#alone(sets.filter(isAlone)), together.length === 0 ? undefined : this.#together(together)]
    const errors = (await Promise.allSettled(parts)).flatMap((part) =>
      part.status === 'rejected' ? [part.reason] : [],
    )
    if (errors.length > 0) throw this.#failure(errors, sets)
  }

  /** Sets of one write each. */
  async #alone(sets: readonly PreparedSet[]): Promise<void> {
    const { connection, collection } = this.#parts
    const writes = sets.flatMap((one) => one.writes)
    const refused = new Set<PreparedWrite>()
    const send = async ({ command, writes: sent }: WriteCommand) => {
      const answer = await connection.write(command, sent.length)
      for (const { index } of (answer.writeErrors ?? []) as MongodbDocument[]) {
        refused.add(sent[Number(index)] as PreparedWrite)
      }
      // A delete that finds nothing to delete is no error, and does not say which one it was.
      if ('delete' in command && Number(answer.n) < sent.length) for (const write of sent) refused.add(write)
    }
    const commands = [...leaveCommands(writes, collection), ...deleteCommands(writes, collection)]
    const answers = await Promise.allSettled(commands.map(send))
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    if (errors.length > 0) throw errors.length === commands.length ? worst(errors) : outcomeUnknown(errors[0])
    for (const one of sets) if (!refused.has(one.writes[0] as PreparedWrite)) one.result = APPLIED
    await this.#refuse(sets.filter((one) => one.result === undefined))
  }

  /** Sets of several writes. All are applied at once, or those that can't be are found out, and the others tried again. */
  async #together(all: readonly PreparedSet[]): Promise<void> {
    const { transactions, collection } = this.#parts
    let sets = all
    for (let tries = 0; sets.length > 0; tries++) {
      const writes = sets.flatMap((one) => one.writes)
      const commands = [leaveCommands, expectCommands, deleteCommands].flatMap((make) => make(writes, collection))
      if (commands.length === 0 || (await transactions.run(commands))) {
        for (const one of sets) one.result = APPLIED
        return
      }
      const count = sets.length
      sets = await this.#refuse(sets, true)
      if (sets.length > 1 && (tries > 0 || sets.length === count)) {
        // Somebody works on a record of one of them: the others need not wait for that.
        const half = Math.ceil(sets.length / 2)
        await this.#together(sets.slice(0, half))
        await this.#together(sets.slice(half))
        return
      }
      if (tries >= TRIES) throw unavailable(undefined, 'is busy with another transaction over the same records')
      if (sets.length === count) await pause(FIRST_PAUSE_MS * 2 ** tries)
    }
  }

  /**
   * Answers sets that were not applied from what stands there.
   * @param orTryAgain - whether sets whose guards hold now are left open.
   * @returns the sets that were left open.
   */
  async #refuse(sets: readonly PreparedSet[], orTryAgain = false): Promise<readonly PreparedSet[]> {
    if (sets.length === 0) return []
    const keys = sets.flatMap((one) => one.set.writes.map(({ kind, id }) => ({ kind, id })))
    const { now, records } = await this.#parts.read(keys)
    const isLate = sets.some((one) => now > one.set.notAfter)
    const busyMs = this.#busyUntil - realClock.monotonic()
    if (isLate && busyMs > 0) {
      // Whoever is told that a set came late takes what is read next for the truth.
      await pause(busyMs)
      return this.#refuse(sets, orTryAgain)
    }
    let at = 0
    return sets.filter((one) => {
      const found = records.slice(at, at + one.set.writes.length)
      at += found.length
      const holds = one.set.writes.every(({ expect }, i) => (found[i]?.version ?? null) === expect)
      if (orTryAgain && holds && now <= one.set.notAfter) return true
      one.result = resultOf(one.set, found, now)
      return false
    })
  }

  /** What to throw when parts of a commit failed. */
  #failure(errors: readonly unknown[], sets: readonly PreparedSet[]): unknown {
    const error = worst(errors)
    const isUnknown = isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
    if (isUnknown) this.#busyUntil = realClock.monotonic() + this.#parts.connection.timeoutMs
    // "Nothing was written" must be true of the whole commit.
    const isPartly = isBatutaError(error, 'STORAGE_UNAVAILABLE') && sets.some((one) => one.result?.applied)
    return isPartly ? outcomeUnknown(error) : error
  }
}

/** The error that says least: unknown before unavailable, and before both what is neither. */
function worst(errors: readonly unknown[]): unknown {
  const isBug = (error: unknown) => !isBatutaError(error)
  const isUnknown = (error: unknown) => isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
  return errors.find(isBug) ?? errors.find(isUnknown) ?? errors[0]
}

/** A set that can't be applied: because it was before, or because it came too late, or because something moved. */
function resultOf(
  { writes, notAfter }: WriteSet,
  found: readonly (StoredRecord | undefined)[],
  now: number,
): SetResult {
  const leaving = writes.some(({ leave }) => leave !== undefined)
  if (leaving && writes.every(({ leave }, i) => leave === undefined || found[i]?.version === leave?.version)) {
    return APPLIED
  }
  return { applied: false, reason: now > notAfter ? 'late' : 'conflict', found }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => realClock.setTimer(resolve, ms))
}
