import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'

/** A server that listens. */
export interface Listening {
  readonly url: string
  /** Takes no new connections, and resolves when those that are open have ended. */
  close(): Promise<void>
}

/**
 * Serves on this machine only: the routes have no sign-in, so what is before them must have one.
 * @param port - 0 takes any free one.
 * @throws when the port is taken.
 */
export function listen(http: Hono, port: number): Promise<Listening> {
  const server = createAdaptorServer({ fetch: http.fetch })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as AddressInfo
      const close = () =>
        new Promise<void>((done, fail) => {
          server.close((error) => (error === undefined || error === null ? done() : fail(error)))
          if ('closeIdleConnections' in server) server.closeIdleConnections()
        })
      resolve({ url: `http://127.0.0.1:${taken}`, close })
    })
  })
}
