import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import { SCHEMA } from '../records.js'
import type { IndexDefinition, RecordValue, StorageSchema } from '../storage.js'
import type { MongodbDocument } from './mongodb-client.js'
import type { MongodbConnection } from './mongodb-connection.js'
import { hasCode } from './mongodb-errors.js'
import { layoutPrefix } from './mongodb-options.js'
import { collectionOf, documentOf, metaCollection, pathOf, RECORD_FIELDS } from './mongodb-record.js'
import { piecesOf } from './mongodb-write.js'

/** How many documents are read at a time when their index fields are made again. */
const PAGE = 500

/** Codes of the server: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const NAMESPACE_NOT_FOUND = 26
const NAMESPACE_EXISTS = 48
const INDEX_CONFLICTS = [85, 86] as const
const DUPLICATE_KEY = 11_000

/** What the collections are for, as `_id: 'layout'` of the meta collection says it. */
interface Meta {
  readonly layout: number
  /** The indexes that every document has its fields for; absent while somebody is still making them. */
  readonly indexes?: string
}

/**
 * The commands that make a new store, in their order, for those who open it with `migrate: false`: each is one
 * `db.runCommand(...)` of mongosh. A second time they change nothing: `create` then fails with NamespaceExists.
 * @param options - the `prefix` that the storage is given; default `batuta`.
 * @throws OPTIONS_INVALID
 */
export function mongodbLayoutCommands(options: { readonly prefix?: string | undefined } = {}): MongodbDocument[] {
  const prefix = layoutPrefix(options)
  const perKind = SCHEMA.kinds.flatMap((kind) => {
    const indexes = indexSpecs(SCHEMA, kind)
    const collection = collectionOf(prefix, kind)
    return indexes.length === 0
      ? [{ create: collection }]
      : [{ create: collection }, { createIndexes: collection, indexes }]
  })
  const update = {
    q: { _id: 'layout' },
    u: { $set: { layout: SCHEMA.layout, indexes: shapeOf(SCHEMA) } },
    upsert: true,
  }
  return [...perKind, { update: metaCollection(prefix), updates: [update] }]
}

/** Names the indexes and their fields: where it is the same, so is what every document has beside its value. */
function shapeOf({ indexes }: StorageSchema): string {
  return indexes.map(({ kind, name, fields }) => `${kind}.${name}(${fields.map((one) => one.name)})`).join(' ')
}

/** A partial index: a document without its first field is not in it, and costs nothing there. */
function specOf(index: IndexDefinition): MongodbDocument & { readonly name: string } {
  const key = Object.fromEntries(index.fields.map((_, at) => [pathOf(index, at), 1]))
  return { name: index.name, key, partialFilterExpression: { [pathOf(index, 0)]: { $exists: true } } }
}

function indexSpecs(schema: StorageSchema, kind: string) {
  return schema.indexes.filter((index) => index.kind === kind).map(specOf)
}

/** @throws STORAGE_NEWER */
export function assertNotNewer(found: number, schema: StorageSchema): void {
  if (found <= schema.layout) return
  throw new BatutaError(
    'STORAGE_NEWER',
    `The MongoDB store has layout ${found}; this version knows ${schema.layout}.`,
    {
      data: { storage: 'mongodb', found, known: schema.layout },
      fix: 'Use the newer version of batuta for every process that shares this store.',
    },
  )
}

/** The error for a store that is not prepared for this version. */
export function outdated(found: number, schema: StorageSchema): BatutaError<'STORAGE_OUTDATED'> {
  const has = found === 0 ? 'is not prepared' : `has layout ${found}, or lacks an index`
  return new BatutaError('STORAGE_OUTDATED', `The MongoDB store ${has}; this version needs layout ${schema.layout}.`, {
    data: { storage: 'mongodb', found, known: schema.layout },
    fix: 'Open it once with migrate: true, or run the commands of mongodbLayoutCommands() on a new store.',
  })
}

/** Brings a store to the layout of a schema. */
export class MongodbLayout {
  readonly #connection: MongodbConnection
  readonly #prefix: string
  readonly #schema: StorageSchema

  constructor(connection: MongodbConnection, prefix: string, schema: StorageSchema) {
    this.#connection = connection
    this.#prefix = prefix
    this.#schema = schema
  }

  /**
   * Makes what is missing. Any number of processes may do it at once: each step gives the same whoever does it, and one
   * that died in the middle is gone over again by the next that opens the store.
   * @throws STORAGE_NEWER; STORAGE_OUTDATED when something is missing and `migrate` is off.
   */
  async prepare(migrate: boolean): Promise<void> {
    const found = await this.#meta()
    if (found !== undefined) assertNotNewer(found.layout, this.#schema)
    const shape = shapeOf(this.#schema)
    const isFilled = found?.layout === this.#schema.layout && found.indexes === shape
    const incomplete = await this.#incompleteKinds()
    if (isFilled && incomplete.length === 0) return
    if (!migrate) throw outdated(found?.layout ?? 0, this.#schema)
    await this.#claim()
    for (const kind of incomplete) await this.#makeCollection(kind)
    if (found !== undefined && !isFilled) {
      if (found.layout !== this.#schema.layout) await this.#letOldCommitsEnd()
      for (const kind of this.#schema.kinds) await this.#fill(kind)
    }
    await this.#writeMeta({ $set: { indexes: shape } }, { layout: this.#schema.layout })
  }

  async #meta(): Promise<Meta | undefined> {
    const command = { find: metaCollection(this.#prefix), filter: { _id: 'layout' }, limit: 1 }
    const [meta] = await this.#connection.find(command)
    return meta as Meta | undefined
  }

  /** From here on nodes of an older layout are refused. Of two nodes that make a new store, one finds it made. */
  async #claim(): Promise<void> {
    const $set = { layout: this.#schema.layout }
    const made = await this.#writeMeta({ $max: $set, $currentDate: { preparedAt: true } }, {}, true)
    if (!made) await this.#writeMeta({ $max: $set }, {})
  }

  async #writeMeta(u: MongodbDocument, filter: MongodbDocument, upsert = false): Promise<boolean> {
    const updates = [{ q: { _id: 'layout', ...filter }, u, upsert }]
    const written = this.#connection.write({ update: metaCollection(this.#prefix), updates }, 1)
    return (await unless(DUPLICATE_KEY, written)) !== undefined
  }

  /** The kinds that have no collection yet, or not all of its indexes. */
  async #incompleteKinds(): Promise<string[]> {
    const kinds = await Promise.all(
      this.#schema.kinds.map(async (kind) => {
        const list = this.#connection.find({ listIndexes: collectionOf(this.#prefix, kind) })
        const there = await unless(NAMESPACE_NOT_FOUND, list)
        const isThere = ({ name, key, partialFilterExpression }: MongodbDocument) =>
          there?.some(
            (one) =>
              one.name === name && isSame([one.key, one.partialFilterExpression], [key, partialFilterExpression]),
          )
        return there !== undefined && indexSpecs(this.#schema, kind).every(isThere) ? [] : [kind]
      }),
    )
    return kinds.flat()
  }

  async #makeCollection(kind: string): Promise<void> {
    const collection = collectionOf(this.#prefix, kind)
    await unless(NAMESPACE_EXISTS, this.#connection.build({ create: collection }))
    for (const spec of indexSpecs(this.#schema, kind)) {
      const create = () => this.#connection.build({ createIndexes: collection, indexes: [spec] })
      if ((await unless(INDEX_CONFLICTS[0], unless(INDEX_CONFLICTS[1], create()))) !== undefined) continue
      // Another index of this name: one of an older version.
      await this.#connection.build({ dropIndexes: collection, index: spec.name })
      await create()
    }
  }

  /**
   * A node of an older layout finds out with its next commit; one commit may be under way, and would leave a document
   * without the new fields.
   */
  #letOldCommitsEnd(): Promise<void> {
    return new Promise((resolve) => realClock.setTimer(resolve, this.#connection.timeoutMs))
  }

  /** Makes the index fields of every document again from its value. One that changes meanwhile has the new ones already. */
  async #fill(kind: string): Promise<void> {
    const collection = collectionOf(this.#prefix, kind)
    const indexes = this.#schema.indexes.filter((index) => index.kind === kind)
    for (let last: unknown; ; ) {
      const filter = last === undefined ? {} : { _id: { $gt: last } }
      const page = { find: collection, filter, sort: { _id: 1 }, limit: PAGE, projection: RECORD_FIELDS }
      const documents = await this.#connection.find(page)
      if (documents.length === 0) return
      const made = documents.map(({ _id, version, value }) => {
        const parsed = JSON.parse(String(value)) as RecordValue
        return documentOf(indexes, String(_id), String(version), parsed)
      })
      for (const some of piecesOf(made)) {
        const updates = some.map(({ document }) => ({
          q: { _id: document._id, version: document.version },
          u: document,
        }))
        await this.#connection.write({ update: collection, updates, ordered: false }, updates.length)
      }
      last = documents.at(-1)?._id
    }
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** What a command answers, or `undefined` when the server refuses it with this code. */
async function unless<T>(code: number, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isBatutaError(error) && hasCode(error.cause, code)) return undefined
    throw error
  }
}
