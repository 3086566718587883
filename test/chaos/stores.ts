import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/entry-points.js'
import type { Storage } from '../../src/storage/storage.js'

/** How a storage is made from a place: what all chaos runs know of an adapter. */
interface StoreKind {
  /** Below `src/storage`. */
  readonly folder: string
  /** The exported function that makes it. */
  readonly maker: string
  /** Its options for a URL, or the path of a file. */
  options(url: string): object
}

/** The storages that chaos runs can be had on. */
export const STORES = {
  sqlite: { folder: 'sqlite', maker: 'sqliteStorage', options: (path) => ({ path }) },
  postgres: { folder: 'postgres', maker: 'postgresStorage', options: (url) => ({ connectionString: url }) },
  redis: { folder: 'redis', maker: 'redisStorage', options: (url) => ({ url }) },
  mongodb: { folder: 'mongodb', maker: 'mongodbStorage', options: (uri) => ({ uri }) },
} as const satisfies Record<string, StoreKind>

export type StoreName = keyof typeof STORES

/** A store, and the built module of its adapter. */
export interface StoreAddress {
  readonly storage: StoreName
  readonly url: string
  readonly module: string
}

/** The source of an adapter. @throws an error that says so when this version has none. */
export function adapterSource(name: string): string {
  if (!(name in STORES)) throw new Error(`No storage "${name}": there are ${Object.keys(STORES).join(', ')}.`)
  const path = join(root, 'src/storage', STORES[name as StoreName].folder, 'index.ts')
  if (!existsSync(path)) throw new Error(`The storage "${name}" has no adapter here: ${path} is missing.`)
  return path
}

/** A storage there, not yet open. */
export async function storageAt({ storage, url, module }: StoreAddress): Promise<Storage> {
  const { maker, options }: StoreKind = STORES[storage]
  const found: Record<string, unknown> = await import(pathToFileURL(module).href)
  const make = found[maker]
  if (typeof make !== 'function') throw new Error(`The adapter of "${storage}" exports no ${maker}().`)
  return make(options(url)) as Storage
}
