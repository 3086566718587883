/** Who is measured with several processes, by name: a process that is forked opens its own. */
import { loadAgenda } from '../peers/agenda.js'
import { onMongodb, onPostgres, onRedis, onSqlite } from '../peers/batuta.js'
import { loadBullmq } from '../peers/bullmq.js'
import { loadDbos } from '../peers/dbos.js'
import { loadGraphileWorker } from '../peers/graphile-worker.js'
import type { Peer } from '../peers/peer.js'
import { loadPgBoss } from '../peers/pg-boss.js'

const SIDES = {
  'batuta on SQLite': async () => onSqlite,
  'batuta on Redis': async () => onRedis,
  'batuta on MongoDB': async () => onMongodb,
  'batuta on PostgreSQL': async () => onPostgres,
  BullMQ: loadBullmq,
  Agenda: () => loadAgenda(false),
  'Agenda, change stream': () => loadAgenda(true),
  'graphile-worker, local queue': () =>
    loadGraphileWorker({ name: 'graphile-worker, local queue', hasLocalQueue: true }),
  'graphile-worker': () => loadGraphileWorker({ name: 'graphile-worker', concurrency: 20, hasLocalQueue: false }),
  'pg-boss': () => loadPgBoss(false),
  'pg-boss, LISTEN': () => loadPgBoss(true),
  'DBOS, queue': () => loadDbos(true),
} satisfies Record<string, () => Promise<Peer | string>>

export type SideName = keyof typeof SIDES

/** One that can add tasks without working on them, or why it is left out. */
export async function loadSide(name: SideName): Promise<Required<Peer> | string> {
  const peer = await SIDES[name]()
  if (typeof peer === 'string') return peer
  const { producer } = peer
  return producer === undefined ? `${name} can't add tasks without working on them` : { ...peer, producer }
}
