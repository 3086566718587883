import { isBatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import type { IndexDefinition, RecordKey, SetResult, StoredRecord, WriteSet } from '../storage.js'
import { worstError } from '../worst-error.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { Contention } from './mongodb-contention.js'
import { isGuard, notDone, outcomeUnknown, writeErrorsOf } from './mongodb-errors.js'
import { groupsOf } from './mongodb-groups.js'
import { documentOf } from './mongodb-record.js'
import type { MongodbSessions } from './mongodb-sessions.js'
import type { MongodbTransactions } from './mongodb-transaction.js'
import {
  deleteCommands,
  expectCommands,
  leaveCommands,
  onlyExpects,
  type PreparedSet,
  type PreparedWrite,
  type WriteCommand,
} from './mongodb-write.js'

const APPLIED: SetResult = Object.freeze({ applied: true })

const BUSY: SetResult = Object.freeze({ applied: false, reason: 'busy' })

/**
 * How often a set is tried whose record another transaction holds, and the pause after the first try; it doubles. Long enough
 * for one that goes on; what is held longer is for the committer to send again.
 */
const TRIES = 5
/** The same where it was held lately: by somebody who died, or by one after the other who go on. */
const TRIES_OF_HELD = 3
const FIRST_PAUSE_MS = 5
/** How long sets of one record may wait, together, at the server: many times what they need unless one is held. */
const LONGEST_WAIT_MS = 300

/** What stands at some keys, and the time at which it was asked for. */
export type ReadRecords = (
  keys: readonly RecordKey[],
) => Promise<{ readonly now: number; readonly records: readonly (StoredRecord | undefined)[] }>

/** What commits need. */
export interface CommitParts {
  readonly connection: MongodbConnection
  readonly transactions: MongodbTransactions
  readonly sessions: MongodbSessions
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
 * guarded on its own. The others share transactions, and are tried in smaller groups when those fail. A set whose record is
 * held by somebody else, who may have died, holds up none of the others.
 */
export class MongodbCommit {
  readonly #parts: CommitParts
  /** Records that others hold: a set that touches one goes on its own, and is hardly waited for. */
  readonly #held = new Contention()
  /** Records that others may hold: before version 7 the server does not end a command that creates one of them in time. */
  readonly #suspects = new Contention()
  /** On our own monotonic clock: until then the server may still be busy with writes whose outcome is unknown. */
  #busyUntil = 0

  constructor(parts: CommitParts) {
    this.#parts = parts
  }

  /** Gives every set its result. Throws what the port says of `commit`. */
  async run(sets: readonly PreparedSet[]): Promise<void> {
    const isAlone = ({ set, writes: [only, ...others] }: PreparedSet) =>
      only !== undefined &&
      others.length === 0 &&
      !onlyExpects(only) &&
      !this.#held.touches(set.writes) &&
      !this.#suspects.touches(set.writes)
    const alone = this.#alone(sets.filter(isAlone))
    const errors = await errorsOf([alone, this.#together(sets.filter((one) => !isAlone(one)))])
    if (errors.length > 0) throw this.#failure(errors, sets)
  }

  /** Sets of one write each. */
  async #alone(sets: readonly PreparedSet[]): Promise<void> {
    const { connection, collection } = this.#parts
    const limitMs = Math.min(LONGEST_WAIT_MS, Math.ceil(connection.timeoutMs / 2))
    const writes = sets.flatMap((one) => one.writes)
    /** Not done, as far as is known, for a reason that what stands there will show. */
    const open = new Set<PreparedWrite>()
    const failed = new Map<PreparedWrite, unknown>()
    /** Some of them may have been written all the same. */
    let mayStand = false
    const send = async ({ command, writes: sent }: WriteCommand) => {
      const answer = await connection.tryWrite(command, sent.length, limitMs).catch((error: unknown) => {
        this.#suspects.note(sent)
        throw error
      })
      if (answer === undefined) {
        mayStand = true
        for (const write of sent) open.add(write)
        return
      }
      for (const error of writeErrorsOf(answer)) {
        const write = sent[Number(error.index)] as PreparedWrite
        if (isGuard(error)) open.add(write)
        else failed.set(write, notDone(error, command))
      }
      // A delete that finds nothing to delete is no error, and does not say which one it was.
      if ('delete' in command && Number(answer.n) < sent.length) {
        mayStand = true
        for (const write of sent) open.add(write)
      }
    }
    const commands = [...leaveCommands(writes, collection), ...deleteCommands(writes, collection)]
    const errors = await errorsOf(commands.map(send))
    if (errors.length > 0) throw errors.length === commands.length ? worstError(errors) : outcomeUnknown(errors[0])
    const isOpen = ({ writes: [only] }: PreparedSet) => open.has(only as PreparedWrite)
    for (const one of sets) if (!isOpen(one) && !failed.has(one.writes[0] as PreparedWrite)) one.result = APPLIED
    try {
      if (failed.size > 0) throw worstError([...failed.values()])
      // A transaction says at once whether a record is held, where a plain command waits.
      await this.#together(await this.#refuse(sets.filter(isOpen)))
    } catch (error) {
      throw mayStand && isBatutaError(error, 'STORAGE_UNAVAILABLE') ? outcomeUnknown(error) : error
    }
  }

  /** Sets of several writes, and those whose record may be held. Those that can't be applied are found out. */
  async #together(sets: readonly PreparedSet[]): Promise<void> {
    const isHeld = ({ set }: PreparedSet) => this.#held.touches(set.writes)
    const held: PreparedSet[] = []
    const over = new AbortController()
    const errors = await errorsOf([
      ...groupsOf(sets.filter((one) => !isHeld(one))).map((group) => this.#group(group, TRIES, held, over)),
      ...sets.filter(isHeld).map((one) => this.#group([one], TRIES_OF_HELD, held, over)),
    ])
    const left = await this.#refuse(held).catch((error) => {
      throw worstError([...errors, error])
    })
    for (const one of left) {
      one.result = BUSY
      this.#held.note(one.set.writes)
      void this.#parts.sessions.endAbandoned()
    }
    if (errors.length > 0) throw worstError(errors)
  }

  /** Applies sets in one transaction, or in smaller ones; adds to `held` those with a record that somebody else holds. */
  async #group(
    group: readonly PreparedSet[],
    tries: number,
    held: PreparedSet[],
    over: AbortController,
  ): Promise<void> {
    const { transactions, collection } = this.#parts
    let sets = group
    for (let tried = 1; sets.length > 0; tried++) {
      const writes = sets.flatMap((one) => one.writes)
      const commands = [leaveCommands, expectCommands, deleteCommands].flatMap((make) => make(writes, collection))
      const outcome = commands.length === 0 ? 'applied' : await transactions.run(commands, over)
      if (outcome === 'applied') {
        for (const one of sets) one.result = APPLIED
        return
      }
      const count = sets.length
      if (outcome === 'refused') sets = await this.#refuse(sets)
      if (sets.length < count) continue
      if (count > 1) {
        const half = Math.ceil(count / 2)
        const halves = [sets.slice(0, half), sets.slice(half)]
        const errors = await errorsOf(halves.map((some) => this.#group(some, tries, held, over)))
        if (errors.length > 0) throw worstError(errors)
        return
      }
      if (tried >= tries) {
        held.push(...sets)
        return
      }
      await pause(FIRST_PAUSE_MS * 2 ** (tried - 1))
    }
  }

  /**
   * Answers sets that were not applied from what stands there.
   * @returns those whose guards hold, which are left open.
   */
  async #refuse(sets: readonly PreparedSet[]): Promise<readonly PreparedSet[]> {
    if (sets.length === 0) return []
    const keys = sets.flatMap((one) => one.set.writes.map(({ kind, id }) => ({ kind, id })))
    const { now, records } = await this.#parts.read(keys)
    const isLate = sets.some((one) => now > one.set.notAfter)
    const busyMs = this.#busyUntil - realClock.monotonic()
    if (isLate && busyMs > 0) {
      // Whoever is told that a set came late takes what is read next for the truth.
      await pause(busyMs)
      return this.#refuse(sets)
    }
    let at = 0
    return sets.filter((one) => {
      const found = records.slice(at, at + one.set.writes.length)
      at += found.length
      const holds = one.set.writes.every(({ expect }, i) => (found[i]?.version ?? null) === expect)
      if (holds && now <= one.set.notAfter) return true
      one.result = resultOf(one.set, found, now)
      return false
    })
  }

  /** What to throw when parts of a commit failed. */
  #failure(errors: readonly unknown[], sets: readonly PreparedSet[]): unknown {
    const error = worstError(errors)
    const isUnknown = isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
    if (isUnknown) this.#busyUntil = realClock.monotonic() + this.#parts.connection.timeoutMs
    // "Nothing was written" must be true of the whole commit.
    const isPartly = isBatutaError(error, 'STORAGE_UNAVAILABLE') && sets.some((one) => one.result?.applied)
    return isPartly ? outcomeUnknown(error) : error
  }
}

/** What those of some parts that failed were rejected with, once all have ended. */
async function errorsOf(parts: readonly Promise<void>[]): Promise<readonly unknown[]> {
  return (await Promise.allSettled(parts)).flatMap((part) => (part.status === 'rejected' ? [part.reason] : []))
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
