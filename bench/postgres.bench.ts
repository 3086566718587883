/**
 * On one PostgreSQL server with `fsync` on: tasks are added, run and finished. Beside graphile-worker, pg-boss and DBOS on
 * the same server, each with as many tasks at once. The server is our own, on a free port.
 *
 * They keep different things: graphile-worker deletes what it has finished and keeps no result (a row of a table of the
 * user's is one more statement per job); pg-boss and DBOS keep it, as batuta does.
 *
 *   npm run bench -- postgres
 */
import { alternate, type BenchRow, rate, report, type Side } from './measure.js'
import { onPostgres as batuta, oneByOne as submitted } from './peers/batuta.js'
import { loadDbos } from './peers/dbos.js'
import { loadGraphileWorker } from './peers/graphile-worker.js'
import { costRows, loneRows, phaseRows } from './peers/one-process.js'
import { found, type OpenedPeer, type Peer } from './peers/peer.js'
import { loadPgBoss } from './peers/pg-boss.js'
import { startPostgres } from './servers/postgres.js'

const PLACE = 'PostgreSQL, fsync on'
const TASKS = 2_000
const COUNTED = 1_000
const LONE_TASKS = 100
const ROUNDS = 3
/** Works that each side does before the one that is timed: a queue in production has run for longer than a second. */
const WARM_UPS = 2

const server = await startPostgres()

type Work = (opened: OpenedPeer) => Promise<unknown>

function side(name: string, { open }: Peer, work: Work): Side {
  return {
    name,
    async prepare() {
      await server.clear()
      const opened = await open(server.at)
      for (let i = 0; i < WARM_UPS; i++) await work(opened)
      return { work: async () => void (await work(opened)), close: opened.close }
    },
  }
}

const oneByOne: Work = (opened) => submitted(opened, TASKS)
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
  const what = `${size} tasks on ${PLACE}, end to end`
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

async function compared(): Promise<void> {
  const queues = await found(
    loadGraphileWorker({ name: 'graphile-worker, local queue', hasLocalQueue: true }),
    loadPgBoss(false),
    loadDbos(true),
  )
  rows.push(...(await phaseRows(server, [batuta, ...queues], { tasks: TASKS, rounds: ROUNDS, place: PLACE })))
  rows.push(...(await costRows(server, [batuta, ...queues], { tasks: COUNTED, place: PLACE })))
}

async function latency(): Promise<void> {
  const told = await found(
    loadGraphileWorker({ name: 'graphile-worker', concurrency: 20, hasLocalQueue: false }),
    loadPgBoss(true),
    loadDbos(false),
  )
  rows.push(...(await loneRows(server, [batuta, ...told], { tasks: LONE_TASKS, place: PLACE, budget: '2 ms' })))
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
