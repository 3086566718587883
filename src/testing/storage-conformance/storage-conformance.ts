import type { Storage } from '../../storage/storage.js'
import { Probe } from './probe.js'
import { KIT_SCHEMA } from './schema.js'

/** A storage made for one case. */
export interface StorageUnderTest {
  /** Empty, and not opened yet. */
  readonly storage: Storage
  /** Another storage over the same data, for after the first was closed; not opened yet. */
  readonly reopen?: (() => Promise<Storage>) | undefined
  /** Lets go of everything, whether or not the storage was closed. */
  dispose(): Promise<void>
}

/** Makes an empty storage. */
export type StorageFactory = () => Promise<StorageUnderTest>

/** What not every storage can do. */
export type StorageCapability = 'reopen'

/** Why a storage can't do something. Cases that need it are skipped with this reason, and never silently. */
export type StorageLacks = Readonly<Partial<Record<StorageCapability, string>>>

/** What a case is given. */
export interface CaseContext {
  /** Over the opened storage. */
  readonly probe: Probe
  readonly storage: Storage
  /** Closes the storage and opens the data again. */
  reopened(): Promise<Probe>
  /** For the cases that draw random numbers; the message of a failure names it. */
  readonly seed: number
}

/** One clause of the contract. */
export interface StorageCase {
  /** The part of the contract: `guards`, `resend`, `range`. */
  readonly topic: string
  /** What must be true. */
  readonly name: string
  readonly needs?: StorageCapability
  /** Throws when it isn't. */
  run(context: CaseContext): Promise<void>
}

/** A case by its parts, for the tables in `cases/`. */
export function topic(name: string, cases: Readonly<Record<string, StorageCase['run']>>, needs?: StorageCapability) {
  return Object.entries(cases).map(([title, run]): StorageCase => {
    return { topic: name, name: title, ...(needs !== undefined && { needs }), run }
  })
}

/** Runs one case on a storage of its own. Throws when the storage breaks the clause. */
export async function runStorageCase(one: StorageCase, create: StorageFactory, seed = 1): Promise<void> {
  const made = await create()
  try {
    const { storage } = made
    const probe = new Probe(storage, (await storage.open(KIT_SCHEMA)).now, 'first')
    await one.run({ probe, storage, seed, reopened: () => reopen(made) })
  } finally {
    await made.dispose()
  }
}

async function reopen({ storage, reopen }: StorageUnderTest): Promise<Probe> {
  if (reopen === undefined) throw new Error("The storage can't be reopened: say why in `lacks.reopen`.")
  await storage.close()
  const again = await reopen()
  return new Probe(again, (await again.open(KIT_SCHEMA)).now, 'second')
}
