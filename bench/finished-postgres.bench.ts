/**
 * As `finished`, on a PostgreSQL server of our own with `fsync` on.
 *
 *   npx tsx --expose-gc --tsconfig bench/tsconfig.json bench/finished-postgres.bench.ts [finished]
 */
import { postgresStorage } from 'batuta/storage/postgres'
import { PostgresServer } from '../test/support/postgres-server.js'
import { measureFinished } from './finished/measure-finished.js'
import { processorMs } from './finished/processor.js'
import { report } from './measure.js'

const server = await PostgresServer.start('fsync=on', 'shared_buffers=256MB', 'max_wal_size=4GB')
try {
  const postmaster = await server.admin(async (client) => {
    const { rows } = await client.query<{ file: string }>("SELECT pg_read_file('postmaster.pid') AS file")
    return Number.parseInt(rows[0]?.file ?? '', 10)
  })
  const rows = await measureFinished({
    name: 'PostgreSQL',
    open: (schema) => postgresStorage({ connectionString: server.url, schema: `batuta_${schema}` }),
    isKept: true,
    serverMs: async () => processorMs(postmaster, 'postgres'),
    settle: () =>
      server.admin(async (client) => {
        await client.query('VACUUM ANALYZE')
        await client.query('CHECKPOINT')
      }),
  })
  report(rows)
} finally {
  await server.stop()
}
// The package that brought the server listens to its parent process for ever.
process.channel?.unref()
