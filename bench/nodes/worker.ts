/** One node: works on the queue that its arguments name until it is told to stop. Tells its parent how many have ended. */
import { QUEUES, type QueueName } from './queues.js'

const TELL_MS = 5
const [name, at] = process.argv.slice(2) as [QueueName, string]

let ended = 0
const close = await QUEUES[name].work(at, () => {
  if (ended++ > 0) return
  setTimeout(() => {
    process.send?.({ ended })
    ended = 0
  }, TELL_MS)
})
process.once('message', async () => {
  await close()
  process.exit()
})
// Nobody is left to work for.
process.once('disconnect', () => process.exit())
process.send?.('ready')
