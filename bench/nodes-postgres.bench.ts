/**
 * One process and four over PostgreSQL with `fsync` on, beside graphile-worker, pg-boss and DBOS: tasks of no work, added by a
 * process of their own that does not work.
 *
 *   npm run bench -- nodes-postgres
 */
import { report } from './measure.js'
import { measurePlace } from './nodes/measure-place.js'
import { startPostgres } from './servers/postgres.js'

const peers = [
  { name: 'graphile-worker, local queue', part: 'all' },
  { name: 'graphile-worker', part: 'all' },
  { name: 'pg-boss', part: 'rates' },
  { name: 'pg-boss, LISTEN', part: 'latency' },
  { name: 'DBOS, queue', part: 'all' },
] as const
report(await measurePlace({ ours: 'batuta on PostgreSQL', peers, start: startPostgres }))
// The server's package listens to its parent process for ever, and some peer leaves timers behind.
setTimeout(() => process.exit(), 1_000)
