/**
 * One process and four over MongoDB, a replica set of one member, beside Agenda: tasks of no work, added by a process of their
 * own that does not work.
 *
 *   npm run bench -- nodes-mongodb
 */
import { report } from './measure.js'
import { measurePlace } from './nodes/measure-place.js'
import { startMongodb } from './servers/mongodb.js'

const peers = [
  { name: 'Agenda', part: 'rates' },
  { name: 'Agenda, change stream', part: 'latency' },
] as const
report(await measurePlace({ ours: 'batuta on MongoDB', peers, start: startMongodb }))
// Some peer leaves timers behind.
setTimeout(() => process.exit(), 1_000)
