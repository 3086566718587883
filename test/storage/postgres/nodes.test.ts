import { postgresStorage } from 'batuta/storage/postgres'
import { PostgresServer, whyNoPostgres } from '../../support/postgres-server.js'
import { describeTwoNodes } from '../two-nodes.js'
import { newSchema } from './support.js'

describeTwoNodes(
  'PostgreSQL',
  whyNoPostgres,
  () => PostgresServer.start(),
  (server) => {
    const schema = newSchema()
    return () => postgresStorage({ connectionString: server.url, schema })
  },
)
