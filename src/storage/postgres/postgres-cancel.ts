import { realClock } from '../../internal/clock.js'
import type { PostgresClient } from './postgres-driver.js'

/** What a client of `pg` knows of its connection. One of another make may lack it, and can't cancel. */
interface Connected {
  readonly processID?: number | null
  readonly secretKey?: number | null
  readonly host?: string
  readonly port?: number
  readonly ssl?: unknown
  readonly sslNegotiation?: string | undefined
  readonly connection?: { readonly constructor: unknown }
}

/** The connection below a client of `pg`. */
interface Wire {
  readonly stream: { destroy(): void }
  connect(portOrPath: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): unknown
}

type WireClass = new (settings: Pick<Connected, 'ssl' | 'sslNegotiation'>) => Wire

/**
 * Asks the server to give up what this connection waits for, on another connection of the same kind: one that is merely closed
 * is not noticed by a statement that waits for a lock. Never throws; over when the server has heard it, or after `limitMs`.
 */
export async function cancelStatement(client: PostgresClient, limitMs: number): Promise<void> {
  const { processID, secretKey, host, port, ssl, sslNegotiation, connection } = client as PostgresClient & Connected
  if (typeof processID !== 'number' || typeof secretKey !== 'number' || host === undefined || port === undefined) return
  if (typeof connection?.constructor !== 'function') return
  const wire = new (connection.constructor as WireClass)({ ssl, sslNegotiation })
  await new Promise<void>((resolve) => {
    const timer = realClock.setTimer(resolve, limitMs)
    const end = () => {
      timer.cancel()
      resolve()
    }
    wire.on('error', end)
    // The server does not answer, it hangs up.
    wire.on('end', end)
    wire.on('sslconnect', () => wire.cancel(processID, secretKey))
    wire.on('connect', () => {
      if (!ssl) wire.cancel(processID, secretKey)
      else if (sslNegotiation !== 'direct') wire.requestSsl()
    })
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`)
    else wire.connect(port, host)
  })
  wire.stream.destroy()
}
