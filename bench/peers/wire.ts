import { connect, createServer, type Socket } from 'node:net'

/** What a queue said to its server. */
export interface Spoken {
  /** Statements, or bundles of one, that were answered by themselves. */
  readonly roundTrips: number
  /** The most connections at a time. */
  readonly connections: number
}

const QUERY = 'Q'.charCodeAt(0)
const SYNC = 'S'.charCodeAt(0)

/**
 * Stands between a queue and its PostgreSQL server and counts: the same for every driver, pooled or not. A round trip is a
 * simple query or a sync, which each end in one answer.
 */
export async function listenIn(url: string): Promise<{ url: string; spoken(): Spoken; close(): void }> {
  const { port, hostname } = new URL(url)
  const open = new Set<Socket>()
  let roundTrips = 0
  let connections = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    open.add(client)
    connections = Math.max(connections, open.size)
    const count = counter(() => roundTrips++)
    client.on('data', (chunk: Buffer) => {
      count(chunk)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => client.write(chunk))
    const end = () => {
      open.delete(client)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', end).on('close', end)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const between = new URL(url)
  between.port = String(address.port)
  return {
    url: between.href,
    spoken: () => ({ roundTrips, connections }),
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** Reads the frontend's messages: the first has a length only, the others a type and a length. */
function counter(onRoundTrip: () => void): (chunk: Buffer) => void {
  let header = Buffer.alloc(0)
  let left = 0
  let isFirst = true
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      const skipped = Math.min(left, chunk.length - at)
      left -= skipped
      at += skipped
      if (at === chunk.length) return
      const size = isFirst ? 4 : 5
      const taken = chunk.subarray(at, at + size - header.length)
      header = Buffer.concat([header, taken])
      at += taken.length
      if (header.length < size) return
      if (!isFirst && (header[0] === QUERY || header[0] === SYNC)) onRoundTrip()
      left = header.readInt32BE(size - 4) - 4
      isFirst = false
      header = Buffer.alloc(0)
    }
  }
}
