/**
 * One process and four over each durable storage, beside a queue that is made for the same server: tasks of no work, added by
 * a process of their own that does not work. The servers are our own, on free ports, and write as they do by default, but
 * PostgreSQL with `fsync` on.
 *
 *   npm run bench -- nodes
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongodbServer } from '../test/support/mongodb-server.js'
import { PostgresServer } from '../test/support/postgres-server.js'
import { RedisServer } from '../test/support/redis-server.js'
import { type BenchRow, rate, report } from './measure.js'
import type { QueueName } from './nodes/queues.js'
import { type NodesRun, runNodes, TooSlow } from './nodes/run-nodes.js'

const TASKS = 2_000
const ROUNDS = 5
/** Of four new processes each gets 500 tasks a round: too few for V8 to have compiled what they need. */
const WARM_UPS = 5

interface Place {
  readonly ours: QueueName
  readonly peer?: QueueName
  /** Starts what keeps the tasks, new and empty. */
  start(): Promise<{ at: string; stop(): Promise<unknown> }>
}

const PLACES: readonly Place[] = [
  {
    ours: 'batuta on SQLite',
    async start() {
      const folder = mkdtempSync(join(tmpdir(), 'batuta-bench-'))
      return { at: join(folder, 'bench.sqlite'), stop: async () => rmSync(folder, { recursive: true, force: true }) }
    },
  },
  {
    ours: 'batuta on Redis',
    peer: 'BullMQ',
    async start() {
      const server = await RedisServer.start()
      return { at: server.url, stop: () => server.stop() }
    },
  },
  {
    ours: 'batuta on MongoDB',
    peer: 'Agenda',
    async start() {
      const server = await MongodbServer.start()
      return { at: server.uri, stop: () => server.stop() }
    },
  },
  {
    ours: 'batuta on PostgreSQL',
    peer: 'graphile-worker, local queue',
    async start() {
      const server = await PostgresServer.start('fsync=on', 'max_connections=120')
      return { at: server.url, stop: () => server.stop() }
    },
  },
]

async function timeOf({ start }: Place, name: QueueName, nodes: number): Promise<NodesRun> {
  const { at, stop } = await start()
  try {
    return await runNodes(name, at, { nodes, tasks: TASKS, rounds: ROUNDS, warmUps: WARM_UPS })
  } finally {
    await stop()
  }
}

/** What the peer of a place came to beside our time. */
async function beside(place: Place, nodes: number, ours: number): Promise<Pick<BenchRow, 'against' | 'ratio'>> {
  const { peer } = place
  if (peer === undefined) return { against: '' }
  try {
    const { tookMs: theirs } = await timeOf(place, peer, nodes)
    return { against: `${peer}, ${rate(TASKS, theirs)}`, ratio: ours / theirs }
  } catch (error) {
    if (error instanceof TooSlow) return { against: `${peer}, more than a minute` }
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    console.error(`${peer} is left out: not installed (npm install --prefix bench)`)
    return { against: '' }
  }
}

const rows: BenchRow[] = []
for (const place of PLACES) {
  for (const nodes of [1, 4]) {
    const what = `${TASKS.toLocaleString('en-US')} tasks, ${place.ours}, ${nodes === 1 ? '1 process' : `${nodes} processes`}`
    const { tookMs, refusedShare = 0 } = await timeOf(place, place.ours, nodes)
    rows.push({ what, batuta: rate(TASKS, tookMs), budget: '', ...(await beside(place, nodes, tookMs)) })
    const refused = `${(100 * refusedShare).toFixed(1)} %`
    if (nodes > 1) rows.push({ what: `${what}: claims refused`, batuta: refused, against: '', budget: '< 5 %' })
    console.error(`${what}: ${rate(TASKS, tookMs)}, ${refused} of the claims refused`)
  }
}
report(rows)
// The server's package listens to its parent process for ever, and some peer leaves timers behind.
setTimeout(() => process.exit(), 1_000)
