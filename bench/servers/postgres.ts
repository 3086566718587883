import { PostgresServer } from '../../test/support/postgres-server.js'
import { listenIn } from '../peers/wire.js'
import type { BenchServer } from './server.js'

const SCHEMAS = ['batuta', 'graphile_worker', 'pgboss', 'dbos']
const WRITTEN = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes"
const OTHERS = `SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

/** With `fsync` on. */
export async function startPostgres(): Promise<BenchServer> {
  const server = await PostgresServer.start(
    'fsync=on',
    'shared_buffers=256MB',
    'max_wal_size=4GB',
    'max_connections=200',
  )
  return {
    at: server.url,
    question: 'round trips',
    clear: () =>
      server.admin(async (client) => {
        for (const schema of SCHEMAS) await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
        await client.query('DROP TABLE IF EXISTS public.bench_results')
        await client.query('CHECKPOINT')
      }),
    connections: () =>
      server.admin(async (client) => (await client.query<{ count: number }>(OTHERS)).rows[0]?.count ?? Number.NaN),
    async listen() {
      const { url, spoken, close } = await listenIn(server.url)
      return { at: url, asked: async () => spoken().roundTrips, close: async () => close() }
    },
    written: () =>
      server.admin(async (client) => Number((await client.query<{ bytes: string }>(WRITTEN)).rows[0]?.bytes)),
    stop: () => server.stop(),
  }
}
