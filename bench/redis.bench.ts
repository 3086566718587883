/**
 * On one Redis server: tasks are added, run and finished, in one process, and who added one has its result. Beside BullMQ on the same
 * server, with as many tasks at once, its results awaited through QueueEvents. The server is our own, on a free port, and runs
 * each comparison without a log and with `appendfsync everysec`.
 *
 *   npm run bench -- redis
 */
import { alternate, type BenchRow, rate, report, type Side } from './measure.js'
import { oneByOne, onRedis } from './peers/batuta.js'
import { loadBullmq } from './peers/bullmq.js'
import { costRows, loneRows, phaseRows } from './peers/one-process.js'
import { found, type OpenedPeer, type Peer } from './peers/peer.js'
import { startRedis } from './servers/redis.js'
import type { BenchServer } from './servers/server.js'

const TASKS = 5_000
const BURST = 1_000
const LONE_TASKS = 200
const ROUNDS = 3

const peers = await found(loadBullmq())

function side(server: BenchServer, { open }: Peer, name: string, work: (opened: OpenedPeer) => Promise<unknown>): Side {
  return {
    name,
    async prepare() {
      await server.clear()
      const opened = await open(server.at)
      // On the same connections: none is made within the time.
      await work(opened)
      return { work: async () => void (await work(opened)), close: opened.close }
    },
  }
}

async function endToEnd(server: BenchServer, place: string): Promise<BenchRow[]> {
  const each = (opened: OpenedPeer) => oneByOne(opened, TASKS)
  const many = (opened: OpenedPeer) => opened.all(TASKS)
  const rivals = peers.flatMap((peer) => [
    { own: 'submit', side: side(server, peer, `${peer.name}, add`, each) },
    { own: 'submitMany', side: side(server, peer, `${peer.name}, addBulk`, many) },
  ])
  const ours = [side(server, onRedis, 'submit', each), side(server, onRedis, 'submitMany', many)]
  const times = await alternate([...ours, ...rivals.map((rival) => rival.side)], ROUNDS)
  const timeOf = (name: string) => times.get(name) ?? Number.NaN
  return ours.flatMap(({ name }): BenchRow[] => {
    const what = `${TASKS.toLocaleString('en-US')} tasks on ${place}, end to end, ${name}`
    const row = { what, batuta: rate(TASKS, timeOf(name)), budget: '' }
    const same = rivals.filter(({ own }) => own === name).map((rival) => rival.side.name)
    if (same.length === 0) return [{ ...row, against: '' }]
    return same.map((rival) => {
      const against = `${rival}, ${rate(TASKS, timeOf(rival))}`
      return { ...row, against, ratio: timeOf(name) / timeOf(rival) }
    })
  })
}

const rows: BenchRow[] = []
for (const [place, settings] of [
  ['Redis, no log', ['--appendonly', 'no']],
  ['Redis, appendfsync everysec', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
] as const) {
  const server = await startRedis(...settings)
  try {
    rows.push(...(await endToEnd(server, place)))
    rows.push(...(await phaseRows(server, [onRedis, ...peers], { tasks: TASKS, rounds: ROUNDS, place })))
    rows.push(...(await loneRows(server, [onRedis, ...peers], { tasks: LONE_TASKS, place })))
    rows.push(...(await costRows(server, [onRedis, ...peers], { tasks: BURST, place })))
  } finally {
    await server.stop()
  }
}
report(rows)
