/**
 * On MongoDB, a replica set of one member of our own: tasks are added, run and finished, in one process. Beside Agenda, which
 * keeps what it finished, as batuta does, and is run in the way that suits it: it polls (100 ms) where rates are measured, and
 * watches a change stream where latency is.
 *
 *   npm run bench -- mongodb
 */
import { alternate, type BenchRow, rate, report, type Side } from './measure.js'
import { loadAgenda } from './peers/agenda.js'
import { oneByOne, onMongodb } from './peers/batuta.js'
import { costRows, loneRows, phaseRows } from './peers/one-process.js'
import { found, type Peer } from './peers/peer.js'
import { startMongodb } from './servers/mongodb.js'

const PLACE = 'MongoDB'
const TASKS = 1_000
const LONE_TASKS = 100
const ROUNDS = 3

const server = await startMongodb()
const side = ({ name, open }: Peer): Side => ({
  name,
  async prepare() {
    await server.clear()
    const opened = await open(server.at)
    // On the same connections: none is made within the time.
    await oneByOne(opened, TASKS)
    return { work: async () => void (await oneByOne(opened, TASKS)), close: opened.close }
  },
})

async function endToEnd(peers: readonly Peer[]): Promise<BenchRow[]> {
  const times = await alternate([onMongodb, ...peers].map(side), ROUNDS)
  const ours = times.get(onMongodb.name) ?? Number.NaN
  const what = `${TASKS.toLocaleString('en-US')} tasks on ${PLACE}, end to end`
  const row = { what, batuta: rate(TASKS, ours), budget: '< 1' }
  if (peers.length === 0) return [{ ...row, against: '' }]
  return peers.map(({ name }) => {
    const theirs = times.get(name) ?? Number.NaN
    return { ...row, against: `${name}, ${rate(TASKS, theirs)}`, ratio: ours / theirs }
  })
}

try {
  const polling = await found(loadAgenda(false))
  const told = await found(loadAgenda(true))
  report([
    ...(await endToEnd(polling)),
    ...(await phaseRows(server, [onMongodb, ...polling], { tasks: TASKS, rounds: ROUNDS, place: PLACE })),
    ...(await loneRows(server, [onMongodb, ...told], { tasks: LONE_TASKS, place: PLACE, budget: '< 1' })),
    ...(await costRows(server, [onMongodb, ...polling], { tasks: TASKS, place: PLACE })),
  ])
} finally {
  await server.stop()
}
// Agenda leaves timers behind.
setTimeout(() => process.exit(), 1_000)
