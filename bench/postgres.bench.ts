/**
 * On one PostgreSQL server with `fsync` on: tasks are added, run and finished. Beside graphile-worker, pg-boss and DBOS on
 * the same server, each with as many tasks at once. The server is our own, on a free port.
 *
 * They keep different things: graphile-worker deletes what it has finished and keeps no result (a row of a table of the
 * user's is one more statement per job); pg-boss and DBOS keep it, as batuta does.
 *
 *   npm run bench -- postgres
 */
import { PostgresServer } from '../test/support/postgres-server.js'
import { alternate, type BenchRow, duration, percentile, rate, report, type Side } from './measure.js'
import { batuta } from './peers/batuta.js'
import { loadDbos } from './peers/dbos.js'
import { loadGraphileWorker } from './peers/graphile-worker.js'
import type { OpenedPeer, Peer } from './peers/peer.js'
import { loadPgBoss } from './peers/pg-boss.js'
import { listenIn } from './peers/wire.js'

const TASKS = 2_000
const COUNTED = 1_000
const LONE_TASKS = 100
const ROUNDS = 3
/** Works that each side does before the one that is timed: a queue in production has run for longer than a second. */
const WARM_UPS = 2
const SCHEMAS = ['batuta', 'graphile_worker', 'pgboss', 'dbos']

const server = await PostgresServer.start('fsync=on', 'shared_buffers=256MB', 'max_wal_size=4GB', 'max_connections=120')

async function clear(): Promise<void> {
  await server.admin(async (client) => {
    for (const schema of SCHEMAS) await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await client.query('DROP TABLE IF EXISTS public.bench_results')
    await client.query('CHECKPOINT')
  })
}

async function found(...loading: readonly Promise<Peer | string>[]): Promise<readonly Peer[]> {
  const peers = await Promise.all(loading)
  for (const why of new Set(peers.filter((peer) => typeof peer === 'string'))) console.error(why)
  return peers.filter((peer) => typeof peer !== 'string')
}

type Work = (opened: OpenedPeer) => Promise<unknown>

function side(name: string, { open }: Peer, work: Work): Side {
  return {
    name,
    async prepare() {
      await clear()
      const opened = await open(server.url)
      for (let i = 0; i < WARM_UPS; i++) await work(opened)
      return { work: async () => void (await work(opened)), close: opened.close }
    },
  }
}

const oneByOne: Work = ({ one }) => Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)))
const many: Work = ({ all }) => all(TASKS)

const rows: BenchRow[] = []
const size = TASKS.toLocaleString('en-US')

async function endToEnd(): Promise<void> {
  const plain = await found(
    loadGraphileWorker({ name: 'graphile-worker, addJob', concurrency: 20, hasLocalQueue: false }),
  )
  const queue = 'graphile-worker, local queue'
  const queues = await found(
    loadGraphileWorker({ name: `${queue}, addJobs of 500`, hasLocalQueue: true }),
    loadGraphileWorker({ name: `${queue}, addJobs of 500, result kept`, hasLocalQueue: true, keepsResults: true }),
  )
  const others = await found(loadPgBoss(false), loadDbos(true))
  const local = queues[0] && [side(`${queue}, addJob`, queues[0], oneByOne)]
  const rivals = [
    ...plain.map((peer) => side(peer.name, peer, oneByOne)),
    ...(local ?? []),
    ...[...queues, ...others].map((peer) => side(peer.name, peer, many)),
  ]
  const ours = [side('batuta', batuta, oneByOne), side('batuta, submitMany', batuta, many)]
  const times = await alternate([...ours, ...rivals], ROUNDS)
  const what = `${size} tasks on PostgreSQL, fsync on, end to end`
  for (const name of ['batuta', 'batuta, submitMany']) {
    const ms = times.get(name) ?? Number.NaN
    const title = name === 'batuta' ? what : `${what}, submitMany of 500`
    const same = rivals.filter(({ name: rival }) => rival.endsWith('addJob') === (name === 'batuta'))
    for (const { name: rival } of same) {
      const theirs = times.get(rival) ?? Number.NaN
      const budget = rival.startsWith(queue) ? '<= 1.5' : ''
      rows.push({
        what: title,
        batuta: rate(TASKS, ms),
        against: `${rival}, ${rate(TASKS, theirs)}`,
        ratio: ms / theirs,
        budget,
      })
    }
    if (same.length === 0) rows.push({ what: title, batuta: rate(TASKS, ms), against: '', budget: '' })
  }
}

/** How long it takes to add tasks while nobody works, and to run them then. */
async function phasesOf({ open, producer }: Peer): Promise<{ enqueueMs: number; drainMs: number } | undefined> {
  if (producer === undefined) return undefined
  await clear()
  const { all, close } = await producer(server.url)
  const startedAt = performance.now()
  await all(TASKS)
  const enqueueMs = performance.now() - startedAt
  await close()
  const opened = await open(server.url)
  const drainMs = await opened.drained(TASKS)
  await opened.close()
  return { enqueueMs, drainMs }
}

/** Round trips, transactions and bytes of log per task, and connections. */
async function costOf({ open }: Peer) {
  await clear()
  const wire = await listenIn(server.url)
  const opened = await open(wire.url)
  const written = async () => {
    const sql = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes"
    return await server.admin(async (client) => Number((await client.query<{ bytes: string }>(sql)).rows[0]?.bytes))
  }
  const [tripsBefore, bytesBefore] = [wire.spoken().roundTrips, await written()]
  await opened.all(COUNTED)
  const trips = (wire.spoken().roundTrips - tripsBefore) / COUNTED
  const bytes = ((await written()) - bytesBefore) / COUNTED
  const { connections } = wire.spoken()
  await opened.close()
  wire.close()
  return { trips, bytes, connections }
}

/** Median and 99th percentile of tasks submitted one after the other. */
async function loneOf({ open }: Peer): Promise<{ p50: number; p99: number }> {
  await clear()
  const { one, close } = await open(server.url)
  const times: number[] = []
  for (let n = -LONE_TASKS / 2; n < LONE_TASKS; n++) {
    const startedAt = performance.now()
    await one(n)
    if (n >= 0) times.push(performance.now() - startedAt)
  }
  await close()
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

async function compared(): Promise<void> {
  const queue = await found(
    loadGraphileWorker({ name: 'graphile-worker, local queue', hasLocalQueue: true }),
    loadPgBoss(false),
    loadDbos(true),
  )
  const mine = await phasesOf(batuta)
  for (const peer of queue) {
    const theirs = await phasesOf(peer)
    if (mine === undefined || theirs === undefined) continue
    for (const phase of ['enqueueMs', 'drainMs'] as const) {
      const what = `${size} tasks on PostgreSQL, ${phase === 'enqueueMs' ? 'added while nobody works' : 'drained then'}`
      const against = `${peer.name}, ${rate(TASKS, theirs[phase])}`
      rows.push({ what, batuta: rate(TASKS, mine[phase]), against, ratio: mine[phase] / theirs[phase], budget: '' })
    }
  }
  const ours = await costOf(batuta)
  for (const peer of queue) {
    const theirs = await costOf(peer)
    const row = (what: string, of: (cost: typeof ours) => number, digits: number, budget = '') => {
      const against = `${peer.name}, ${of(theirs).toFixed(digits)}`
      rows.push({ what, batuta: of(ours).toFixed(digits), against, ratio: of(ours) / of(theirs), budget })
    }
    row('round trips per task on PostgreSQL', ({ trips }) => trips, 3)
    row('bytes of write-ahead log per task', ({ bytes }) => bytes, 0)
    row('connections to PostgreSQL', ({ connections }) => connections, 0)
  }
}

async function latency(): Promise<void> {
  const told = await found(
    loadGraphileWorker({ name: 'graphile-worker', concurrency: 20, hasLocalQueue: false }),
    loadPgBoss(true),
    loadDbos(false),
  )
  const mine = await loneOf(batuta)
  for (const peer of told) {
    const theirs = await loneOf(peer)
    for (const p of ['p50', 'p99'] as const) {
      const what = `a lone task on PostgreSQL, fsync on, submit to result, ${p}`
      const against = `${peer.name}, ${duration(theirs[p])}`
      rows.push({
        what,
        batuta: duration(mine[p]),
        against,
        ratio: mine[p] / theirs[p],
        budget: p === 'p50' ? '2 ms' : '',
      })
    }
  }
}

try {
  await endToEnd()
  await compared()
  await latency()
} finally {
  await server.stop()
}
report(rows)
// The package that brought the server listens to its parent process for ever.
process.channel?.unref()
