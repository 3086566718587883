import { MongodbServer } from '../../test/support/mongodb-server.js'
import { DATABASE } from '../peers/batuta.js'
import type { BenchServer } from './server.js'

/** A replica set of one member. A request is what the server counts as one: also those of change streams and of the driver's own. */
export async function startMongodb(): Promise<BenchServer> {
  const server = await MongodbServer.start()
  const status = () => server.client.db('admin').command({ serverStatus: 1 })
  await status()
  const idle = Number((await status()).connections.current)
  const requests = async () => Number((await status()).network.numRequests)
  return {
    at: server.uri,
    question: 'requests',
    clear: () => server.client.db(DATABASE).dropDatabase(),
    connections: async () => Number((await status()).connections.current) - idle,
    async listen() {
      const before = await requests()
      let questions = 0
      return {
        at: server.uri,
        asked: async () => (await requests()) - before - ++questions,
        close: async () => undefined,
      }
    },
    stop: () => server.stop(),
  }
}
