/** `npm start`: the team behind HTTP, on 127.0.0.1:8000 or PORT, until it is told to stop. */
import { createBmc } from './app.js'
import { localChannel } from './channel.js'
import { withDataDir } from './data-dir.js'
import { maskPhone } from './domain/phone.js'
import { createHttp } from './http.js'
import { listen } from './listen.js'
import { rateLimit } from './rate-limit.js'
import { jsonLogger } from './redact.js'

const DEFAULT_PORT = 8_000
const MESSAGES_PER_MINUTE = 30

const logger = jsonLogger()

try {
  const port = portOf(process.env.PORT)
  await withDataDir(process.env.BMC_DATA_DIR, async (dataDir) => {
    const channel = localChannel(({ to }) => logger.info({ to: maskPhone(to) }, 'follow-up sent'))
    const bmc = await createBmc({ dataDir, channel, logger })
    try {
      const limit = rateLimit({ limit: MESSAGES_PER_MINUTE, perMs: 60_000, now: () => performance.now() })
      const server = await listen(createHttp(bmc, { now: () => new Date(), logger, limit }), port)
      console.log(`BMC Uruguay on ${server.url} (data in ${dataDir}); Ctrl+C ends it`)
      await stopSignal()
      await server.close()
    } finally {
      await bmc.orchestrator.shutdown({ graceMs: 10_000 })
    }
  })
} catch (error) {
  console.error(`The server failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

function portOf(written: string | undefined): number {
  if (written === undefined || written === '') return DEFAULT_PORT
  const port = Number(written)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`PORT is ${JSON.stringify(written)}; give a number from 0 to 65535.`)
}

/** Resolves at the first Ctrl+C or request to end; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
