import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { failure } from '../asking.js'

it('refuses options that contradict each other or mean nothing', () => {
  const pool = new pg.Pool()
  const connectionString = 'postgres://localhost/x'
  const wrong = [
    {},
    { pool, connectionString },
    { connectionString, connection: {} },
    { connectionString: 'mysql://localhost' },
    { connectionString, schema: 'pg_mine' },
    { connectionString, schema: 'a"; DROP' },
    { connectionString, schema: 'x'.repeat(49) },
    { connectionString, commandTimeoutMs: 0 },
    { connectionString, openTimeoutMs: Number.NaN },
    { connectionString, prefix: 'x' },
  ]
  for (const options of wrong) {
    expect(() => postgresStorage(options), JSON.stringify(Object.keys(options))).toThrow('OPTIONS_INVALID')
  }
  expect(() => postgresDdl({ schema: '1' })).toThrow('OPTIONS_INVALID')
})

it('connects to nothing before it is opened, and does nothing before that', async () => {
  const storage = postgresStorage({ connectionString: 'postgres://127.0.0.1:1/x' })
  expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  expect(await failure(storage.commit([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  await storage.close()
})
