/**
 * One node: works on the queue that its arguments name until it is told to stop. Tells its parent how many have ended, and what became
 * of its claims.
 */
import type { ClaimCount } from '../../test/nodes/counting-claims.js'
import { QUEUES, type QueueName } from './queues.js'

const TELL_MS = 5
const [name, at] = process.argv.slice(2) as [QueueName, string]

/** What a node tells its parent: since it last did, and in all. */
export interface NodeNews {
  readonly ended: number
  readonly claims: ClaimCount
}

let ended = 0
const claims: ClaimCount = { made: 0, refused: 0 }
const tell = () => {
  process.send?.({ ended, claims } satisfies NodeNews)
  ended = 0
}
const onEnd = () => {
  if (ended++ === 0) setTimeout(tell, TELL_MS)
}
const close = await QUEUES[name].work(at, onEnd, claims)
process.once('message', async () => {
  await close()
  process.exit()
})
// Nobody is left to work for.
process.once('disconnect', () => process.exit())
process.send?.('ready')
