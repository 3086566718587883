import { describe, expect, it } from 'vitest'
import { mongodbLayoutCommands, mongodbStorage } from '../../../src/storage/mongodb/index.js'
import { thrownBy } from '../../task/thrown-by.js'

describe('the options of mongodbStorage', () => {
  it('are refused when they contradict each other or mean nothing', () => {
    const client = { connect: async () => undefined, db: () => undefined, startSession: () => undefined }
    const uri = 'mongodb://127.0.0.1/x'
    const wrong: Record<string, unknown>[] = [
      {},
      { uri, client },
      { client },
      { client: {}, database: 'x' },
      { uri: 'postgres://x/y' },
      { uri: 'mongodb://127.0.0.1' },
      { uri: 'mongodb://127.0.0.1/?tls=true' },
      { uri, prefix: 'a.b' },
      { uri, prefix: '' },
      { uri, commandTimeoutMs: 0 },
      { uri, openTimeoutMs: 1.5 },
      { client, database: 'x', options: {} },
      { uri, pool: 5 },
    ]
    for (const given of wrong) expect(() => mongodbStorage(given), JSON.stringify(given)).toThrow('OPTIONS_INVALID')
    expect(mongodbStorage({ uri: 'mongodb+srv://u:p@h/x?w=1' })).toMatchObject({ name: 'mongodb', durable: true })
  })

  const client = { connect: async () => undefined, db: () => undefined, startSession: () => undefined }
  const uri = 'mongodb://127.0.0.1/x'
  it.each<[unknown, string, string[]]>([
    [undefined, "mongodbStorage: must be given an object, such as { uri: 'mongodb://…' }, not undefined.", ['']],
    [null, 'not null.', ['']],
    ['mongodb://app:secret@host/db', 'not "mongodb://…".', ['']],
    [{}, 'mongodbStorage: Give either a uri or a live client.', ['uri']],
    [{ client: null, database: 'x' }, 'client: must be a MongoClient, not null.', ['client']],
    [{ client: 'mongodb://app:secret@host/db' }, 'client: must be a MongoClient, not "mongodb://…".', ['client']],
    [{ client }, 'mongodbStorage: Name the database: a live client has none.', ['database']],
    [{ uri: 'mongodb://app:secret@host' }, 'mongodbStorage: Name the database: the uri names none.', ['database']],
    [{ uri: 'mongodb://app:secret@host/%ff' }, 'Name the database: that of the uri can not be read.', ['database']],
    [{ uri: 5 }, 'uri: must be a string, not 5.', ['uri']],
    [{ uri: 'postgres://app:secret@host/x' }, 'uri: must begin with mongodb:// or mongodb+srv://.', ['uri']],
    [{ uri, options: 'x' }, 'options: must be an object, not a string.', ['options']],
    [{ uri, database: 5 }, 'database: must be a string, not 5.', ['database']],
    [{ uri, database: '' }, 'database: must not be empty.', ['database']],
    [{ uri, prefix: 5 }, 'prefix: must be a string, not 5.', ['prefix']],
    [{ uri, migrate: 'no' }, 'migrate: must be true or false, not "no".', ['migrate']],
    [{ uri, commandTimeoutMs: '5' }, 'commandTimeoutMs: must be a whole number from 1, not "5".', ['commandTimeoutMs']],
    [{ url: uri }, 'There is no option "url". Did you mean "uri"? The options are client, uri, ', ['url']],
    [{ connectionString: 'mongodb://app:secret@host/db' }, 'Did you mean "uri"?', ['connectionString']],
    [{ client, dbName: 'x' }, 'There is no option "dbName". Did you mean "database"?', ['dbName']],
  ])('say what is wrong with %j, and no password', (given, says, paths) => {
    const error = thrownBy(() => mongodbStorage(given as never))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', paths, message: expect.stringContaining('mongodbStorage') })
    expect(error.message).toContain(says)
    expect(error.message).not.toContain('secret')
  })

  it.each<[unknown, string]>([
    [null, "mongodbLayoutCommands: must be given an object, such as { prefix: 'orders' }, not null."],
    [{ prefix: '' }, 'prefix: must have 1 to 64 letters'],
    [{ name: 'orders' }, 'There is no option "name". The options are prefix.'],
  ])('of mongodbLayoutCommands are refused too: %j', (options, says) => {
    const error = thrownBy(() => mongodbLayoutCommands(options as never))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringContaining(says) })
  })
})
