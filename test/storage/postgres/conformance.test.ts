import pg from 'pg'
import { describe, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import { describePostgres, newSchema } from './support.js'

describePostgres('PostgreSQL storage', [], (server) => {
  storageConformance(
    {
      create: async () => {
        const pool = new pg.Pool({ connectionString: server().url, max: 5 })
        const schema = newSchema()
        const make = async () => postgresStorage({ pool, schema })
        return { storage: await make(), reopen: make, dispose: () => pool.end() }
      },
    },
    { describe, it },
  )
})
