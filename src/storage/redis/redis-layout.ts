import { createHash } from 'node:crypto'
import { BatutaError } from '../../errors/base-error.js'
import type { StorageSchema } from '../storage.js'
import { COMMIT } from './redis-commit-script.js'
import type { RedisConnection } from './redis-connection.js'
import { decodeRecord, encodeRecord, type RedisNames } from './redis-record.js'
import { FILLED, PREPARE, SCAN } from './redis-scripts.js'

/** How this adapter lays records out. Moves when a change of the adapter makes older ones misread what it wrote. */
export const STRUCTURE = 1

/** How many keys SCAN looks at in one script: about a millisecond. */
const PAGE = 500

type Shape = readonly [layout: number, structure: number, indexes: string]

const shapes = new WeakMap<StorageSchema, Shape>()

/** What every script that writes is told of the store's shape. */
export function shapeOf(schema: StorageSchema): Shape {
  const known = shapes.get(schema)
  if (known !== undefined) return known
  const indexes = schema.indexes.map(({ kind, name, fields }) => [
    kind,
    name,
    fields.map(({ name, type }) => [name, type]),
  ])
  const print = createHash('sha256').update(JSON.stringify(indexes)).digest('hex').slice(0, 16)
  const shape: Shape = [schema.layout, STRUCTURE, print]
  shapes.set(schema, shape)
  return shape
}

/** @throws STORAGE_NEWER */
export function assertNotNewer(answer: readonly unknown[], schema: StorageSchema): void {
  if (answer[2] !== 'newer') return
  const [layout, structure] = [Number(answer[3]), Number(answer[4])]
  const what = layout > schema.layout ? 'layout' : 'structure'
  const [found, known] = what === 'layout' ? [layout, schema.layout] : [structure, STRUCTURE]
  throw new BatutaError('STORAGE_NEWER', `The Redis store has ${what} ${found}; this version knows ${known}.`, {
    data: { storage: 'redis', found, known },
    fix: 'Use the newer version of batuta for every process that shares this store.',
  })
}

/**
 * Makes the store what the schema asks for. Any number of processes may do it at once: each step gives the same whoever
 * does it, and a record that somebody changes meanwhile already has its new indexes, since older versions are kept out
 * before the first record is touched.
 * @throws STORAGE_NEWER, or STORAGE_OUTDATED when something has to be changed and `migrate` is off.
 */
export async function prepareLayout(
  connection: RedisConnection,
  names: RedisNames,
  schema: StorageSchema,
  migrate: boolean,
): Promise<void> {
  const args = [...shapeOf(schema), migrate ? '1' : '0']
  for (;;) {
    const answer = await connection.run('writes', PREPARE, [names.meta, names.probe], args)
    assertNotNewer(answer, schema)
    if (answer[2] === 'ready') return
    if (answer[2] === 'outdated') {
      const found = answer[3] === null ? 0 : Number(answer[3])
      const has = found === 0 ? 'is not prepared' : `has layout ${found}, or lacks an index`
      throw new BatutaError('STORAGE_OUTDATED', `The Redis store ${has}; this version needs layout ${schema.layout}.`, {
        data: { storage: 'redis', found, known: schema.layout },
        fix: 'Open it once with migrate: true.',
      })
    }
    // If another server takes the place of this one meanwhile, all of it is done again.
    if (await fillAll(connection, names, schema, String(answer[5]))) return
  }
}

/** @returns whether it was the same server from beginning to end. */
async function fillAll(
  connection: RedisConnection,
  names: RedisNames,
  schema: StorageSchema,
  server: string,
): Promise<boolean> {
  for (const kind of schema.kinds) if (!(await fillIndexes(connection, names, schema, kind, server))) return false
  const [, , indexes] = shapeOf(schema)
  const answer = await connection.run('writes', FILLED, [names.meta, names.probe], [indexes, server])
  return answer[2] === 1
}

/** Gives every record of a kind the index members that the schema asks for. Stops when another server answers. */
async function fillIndexes(
  connection: RedisConnection,
  names: RedisNames,
  schema: StorageSchema,
  kind: string,
  server: string,
): Promise<boolean> {
  const indexes = schema.indexes.filter((index) => index.kind === kind)
  const kept = indexes.map((index) => names.index(index.name))
  const start = names.record(kind, '')
  let cursor = '0'
  do {
    const page = [cursor, `${start}*`, PAGE]
    const [, , from, next, ...found] = await connection.run('reads', SCAN, [names.meta, names.probe], page)
    if (from !== server) return false
    const keys = [names.meta]
    const args: (string | number)[] = [...shapeOf(schema), names.base, kept.length]
    for (let i = 0; i < found.length; i += 2) {
      const key = String(found[i])
      const record = decodeRecord(kind, key.slice(start.length), String(found[i + 1]))
      const text = encodeRecord(indexes, record.id, record.version, record.value)
      if (text === found[i + 1]) continue
      // The version stays: for whoever holds it, nothing has changed.
      keys.push(key)
      args.push(Number.MAX_SAFE_INTEGER, 1, `=${text.slice(0, text.indexOf('\u0001\n'))}`, text)
    }
    if (keys.length > 1) assertNotNewer(await connection.run('writes', COMMIT, [...keys, ...kept], args), schema)
    cursor = String(next)
  } while (cursor !== '0')
  return true
}
