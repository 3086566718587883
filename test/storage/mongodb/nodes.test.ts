import { mongodbStorage } from 'batuta/storage/mongodb'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { describeTwoNodes } from '../two-nodes.js'

let prefixes = 0

describeTwoNodes(
  'MongoDB',
  whyNoMongodb,
  () => MongodbServer.start(),
  (server) => {
    const prefix = `n${Date.now()}-${++prefixes}`
    return () => mongodbStorage({ uri: server.uri, database: 'nodes', prefix })
  },
)
