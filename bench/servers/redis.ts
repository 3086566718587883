import { once } from 'node:events'
import { connect } from 'node:net'
import { RedisServer } from '../../test/support/redis-server.js'
import type { BenchServer, Listening } from './server.js'

/** So much of what MONITOR tells of a command says whose it is. */
const HEAD = 100
const OF_SCRIPT = /^\+[\d.]+ \[\d+ lua\]/

/** @param settings - as on the command line. Nothing is saved by default. */
export async function startRedis(...settings: string[]): Promise<BenchServer> {
  const server = await RedisServer.start(...settings)
  return {
    at: server.url,
    question: 'commands',
    clear: () => server.admin((redis) => redis.flushall()),
    connections: () =>
      server.admin(async (redis) => {
        const clients = String(await redis.client('LIST'))
        return clients.trim().split('\n').length - 1
      }),
    listen: () => monitor(server),
    stop: () => server.stop(),
  }
}

/** Counts the commands of clients, each of a pipeline, and none that a script gives. */
async function monitor({ port, url }: RedisServer): Promise<Listening> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  await once(socket, 'connect')
  socket.write('MONITOR\r\n')
  await once(socket, 'data')
  let asked = 0
  let head = ''
  socket.on('data', (text: string) => {
    const lines = text.split('\n')
    for (const [i, line] of lines.entries()) {
      head = (head + line).slice(0, HEAD)
      if (i === lines.length - 1) break
      if (!OF_SCRIPT.test(head)) asked++
      head = ''
    }
  })
  return { at: url, asked: async () => asked, close: async () => socket.destroy() }
}
