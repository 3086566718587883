import type { StoreAddress, StoreName } from './stores.js'

/** An empty store that is there for one run. */
export interface OwnStore {
  /** Absent: a file of the fleet's own. */
  readonly store: Pick<StoreAddress, 'storage' | 'url'> | undefined
  stop(): Promise<void>
}

const START: Readonly<Record<StoreName, () => Promise<OwnStore>>> = {
  sqlite: async () => ({ store: undefined, stop: async () => undefined }),
  async postgres() {
    const { PostgresServer } = await import('../support/postgres-server.js')
    const server = await PostgresServer.start()
    return { store: { storage: 'postgres', url: server.url }, stop: () => server.stop() }
  },
  async redis() {
    const { RedisServer } = await import('../support/redis-server.js')
    const server = await RedisServer.start('--appendonly', 'yes')
    return { store: { storage: 'redis', url: server.url }, stop: () => server.stop() }
  },
  async mongodb() {
    const { MongodbServer } = await import('../support/mongodb-server.js')
    const server = await MongodbServer.start()
    const url = server.uri.replace(/\/(\?|$)/, '/chaos$1')
    return { store: { storage: 'mongodb', url }, stop: () => server.stop() }
  },
}

/** An empty store on a server of our own. */
export function startOwnStore(storage: StoreName): Promise<OwnStore> {
  return START[storage]()
}
