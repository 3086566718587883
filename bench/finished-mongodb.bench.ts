/**
 * As `finished`, on a MongoDB server of our own: a replica set of one member.
 *
 *   npx tsx --expose-gc --tsconfig bench/tsconfig.json bench/finished-mongodb.bench.ts [finished]
 */
import { mongodbStorage } from 'batuta/storage/mongodb'
import { MongodbServer } from '../test/support/mongodb-server.js'
import { measureFinished } from './finished/measure-finished.js'
import { processorMs } from './finished/processor.js'
import { report } from './measure.js'

const server = await MongodbServer.start()
try {
  const admin = server.client.db('admin')
  const { pid } = await admin.command({ serverStatus: 1 })
  const rows = await measureFinished({
    name: 'MongoDB',
    open: (database) => mongodbStorage({ uri: server.uri, database }),
    isKept: true,
    serverMs: async () => processorMs(Number(pid), 'mongod'),
    // What was written goes to the data files, as it does every minute.
    settle: () => admin.command({ fsync: 1 }),
  })
  report(rows)
} finally {
  await server.stop()
}
