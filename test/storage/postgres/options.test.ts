import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { thrownBy } from '../../task/thrown-by.js'
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
})

it.each<[unknown, string]>([
  [{ schema: '1' }, 'schema: must be a name of up to 48 letters'],
  [null, "postgresDdl: must be given an object, such as { schema: 'orders' }, not null."],
  ['orders', 'must be given an object'],
  [{ schmea: 'orders' }, 'There is no option "schmea". Did you mean "schema"?'],
])('makes no script of %j', (options, says) => {
  const error = thrownBy(() => postgresDdl(options as never))
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringContaining(says) })
})

it.each<[unknown, string, string[]]>([
  [undefined, "must be given an object, such as { connectionString: 'postgres://…' }, not undefined.", ['']],
  [null, 'not null.', ['']],
  ['postgres://app:secret@host/db', 'not "postgres://…".', ['']],
  ['host=db password=secret', 'not a string.', ['']],
  [[], 'not an array.', ['']],
  [{}, 'Give one of: a live pool, a connectionString, or connection settings.', ['pool']],
  [{ pool: null }, 'pool: must be a pg.Pool, not null.', ['pool']],
  [{ pool: { connect: 1 } }, 'pool: must be a pg.Pool, not an object.', ['pool']],
  [{ pool: 'postgres://app:secret@host/db' }, 'pool: must be a pg.Pool, not "postgres://…".', ['pool']],
  [{ connectionString: 5 }, 'connectionString: must be a string, not 5.', ['connectionString']],
  [
    { connectionString: 'mysql://app:secret@host/db' },
    'connectionString: must begin with postgres:// or postgresql://.',
    ['connectionString'],
  ],
  [
    { connection: 'postgres://app:secret@host/db' },
    'connection: must be an object, not "postgres://…".',
    ['connection'],
  ],
  [{ connection: null }, 'connection: must be an object, not null.', ['connection']],
  [{ connection: {}, migrate: 'no' }, 'migrate: must be true or false, not "no".', ['migrate']],
  [{ connection: {}, channel: null }, 'channel: must be true or false, not null.', ['channel']],
  [{ connection: {}, schema: 5 }, 'schema: must be a name of up to 48 letters', ['schema']],
  [{ connection: {}, commandTimeoutMs: '5' }, 'must be a whole number from 1, not "5".', ['commandTimeoutMs']],
  [
    { connection: {}, scheme: 'x' },
    'There is no option "scheme". Did you mean "schema"? The options are pool, ',
    ['scheme'],
  ],
  [{ url: 'postgres://app:secret@host/db' }, 'Did you mean "connectionString"? The options are', ['url']],
  [{ connection: {}, prefix: 1 }, 'There is no option "prefix". The options are pool, connectionString, ', ['prefix']],
  [{ connection: {}, constructor: 1 }, 'There is no option "constructor". The options are', ['constructor']],
])('says what is wrong with %j, and no password', (options, says, paths) => {
  const error = thrownBy(() => postgresStorage(options as never))
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', paths, message: expect.stringContaining('postgresStorage') })
  expect(error.message).toContain(says)
  expect(error.message).not.toContain('secret')
})

it('connects to nothing before it is opened, and does nothing before that', async () => {
  const storage = postgresStorage({ connectionString: 'postgres://127.0.0.1:1/x' })
  expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  expect(await failure(storage.commit([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  await storage.close()
})
