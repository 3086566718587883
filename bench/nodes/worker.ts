/** One node: works on the queue that its argument names, where and while its parent says so, and tells what became of the tasks. */
import type { ClaimCount } from '../../test/nodes/counting-claims.js'
import type { OpenedPeer } from '../peers/peer.js'
import { machineMs, type NodeNews, type NodeOrder } from './news.js'
import { loadSide, type SideName } from './sides.js'

const TELL_MS = 5
/** How many tasks a process runs at once. */
const SLOTS = 100
const NEVER_MS = Number.MAX_SAFE_INTEGER

const claims: ClaimCount = { made: 0, refused: 0 }
let [ended, firstStartedMs, lastEndedMs] = [0, NEVER_MS, 0]

function tell(isDone: boolean): void {
  process.send?.({ isDone, ended, firstStartedMs, lastEndedMs, claims } satisfies NodeNews)
  ended = 0
  firstStartedMs = NEVER_MS
}

const told = {
  started: () => {
    if (firstStartedMs === NEVER_MS) firstStartedMs = machineMs()
  },
  ended: () => {
    lastEndedMs = machineMs()
    if (ended++ === 0) setTimeout(() => tell(false), TELL_MS)
  },
}

const side = await loadSide(process.argv[2] as SideName)
if (typeof side === 'string') throw new Error(side)
let opened: OpenedPeer | undefined
process.on('message', async ({ workAt }: NodeOrder) => {
  await opened?.close()
  opened = workAt === null ? undefined : await side.open(workAt, { slots: SLOTS, told, claims })
  tell(true)
})
// Nobody is left to work for.
process.once('disconnect', () => process.exit())
tell(true)
