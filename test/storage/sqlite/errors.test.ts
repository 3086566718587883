import { openSync, writeFileSync, writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { thrownBy } from '../../task/thrown-by.js'
import { betterSqliteLoads, commit, failure, leave, runSql, watched } from './support.js'
import { temporaryFiles } from './temporary.js'

const newPath = temporaryFiles()

async function opened(path = newPath(), busyTimeoutMs = 30) {
  const storage = sqliteStorage({ path, busyTimeoutMs })
  await storage.open(KIT_SCHEMA)
  return storage
}

describe.runIf(betterSqliteLoads)('opening', () => {
  it('says which directory is missing', async () => {
    const error = await failure(sqliteStorage({ path: '/no/such/directory/x.db' }).open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain('Create "/no/such/directory" first.')
  })

  it('refuses a file that is no database, and leaves it alone', async () => {
    const path = newPath()
    writeFileSync(path, 'not a database, but something of somebody. '.repeat(200))
    expect(await failure(sqliteStorage({ path }).open(KIT_SCHEMA))).toMatchObject({
      code: 'STORAGE_CORRUPT',
      data: { path },
    })
  })

  it('can be tried again after a failure', async () => {
    const path = newPath()
    writeFileSync(path, 'x'.repeat(5_000))
    const storage = sqliteStorage({ path })
    await failure(storage.open(KIT_SCHEMA))
    writeFileSync(path, '')
    await storage.open(KIT_SCHEMA)
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    await storage.close()
  })

  it('waits for a file that somebody else is busy with', async () => {
    const path = newPath()
    const other = new Database(path)
    other.exec('BEGIN EXCLUSIVE')
    setTimeout(() => other.exec('COMMIT'), 150)
    const storage = await opened(path)
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    await storage.close()
    other.close()
  })

  it('goes on while somebody else holds the lock, and commits when that ends, or gives up in its time', async () => {
    const path = newPath()
    const storage = await opened(path, 300)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const committed = commit(storage, leave('a', {}))
    let isCommitted = false
    void committed.then(() => {
      isCommitted = true
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isCommitted).toBe(false)
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records).toEqual([undefined])
    other.exec('COMMIT')
    expect(await committed).toEqual({ applied: true })
    other.exec('BEGIN IMMEDIATE')
    const from = performance.now()
    const error = await failure(commit(storage, leave('b', {})))
    expect(performance.now() - from).toBeGreaterThan(250)
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    other.close()
    await storage.close()
  })

  it('gives up on a file that stays locked', async () => {
    const path = newPath()
    await (await opened(path)).close()
    const other = new Database(path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    const error = await failure(sqliteStorage({ path, busyTimeoutMs: 0 }).open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('locked')
    other.close()
  })

  it('refuses a read-only database', async () => {
    const path = newPath()
    await (await opened(path)).close()
    const database = new Database(path, { readonly: true })
    const error = await failure(sqliteStorage({ database }).open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_READONLY', retryable: false })
    database.close()
  })

  it('refuses a store of a newer layout', async () => {
    const path = newPath()
    await (await opened(path)).close()
    runSql(path, "UPDATE batuta_meta SET value = '7' WHERE name = 'layout'")
    const error = await failure(sqliteStorage({ path }).open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_NEWER', data: { storage: 'sqlite', found: 7, known: 1 } })
  })

  it('refuses options that contradict each other or mean nothing', () => {
    const database = new Database(':memory:')
    const wrong = [
      {},
      undefined as never,
      { path: '' },
      { path: 5 as never },
      { path: 'x', database },
      { database, synchronous: 'full' },
      { path: 'x', busyTimeoutMs: -1 },
      { path: 'x', busyTimeoutMs: Number.NaN },
      { path: 'x', synchronous: 'off' as 'full' },
      { path: 'x', driver: 'sqlite3' as 'auto' },
      { path: 'x', sync: 'full' },
    ] as const
    for (const options of wrong) {
      expect(() => sqliteStorage(options), JSON.stringify(options)).toThrow('OPTIONS_INVALID')
    }
    database.close()
  })

  it.each<[unknown, string, string[]]>([
    [undefined, "sqliteStorage: must be given an object, such as { path: './work.sqlite' }, not undefined.", ['']],
    ['./work.sqlite', 'not a string.', ['']],
    [{}, 'sqliteStorage: Give either a path or a live database.', ['path']],
    [{ path: 5 }, 'path: must be a string, not 5.', ['path']],
    [{ path: '' }, 'path: must not be empty.', ['path']],
    [{ database: null }, 'database: must be a live database of better-sqlite3 or node:sqlite, not null.', ['database']],
    [
      { database: './x' },
      'database: must be a live database of better-sqlite3 or node:sqlite, not a string.',
      ['database'],
    ],
    [{ path: 'x', synchronous: 'ful' }, 'synchronous: must be one of "full", "normal", not "ful".', ['synchronous']],
    [{ path: 'x', driver: 'sqlite3' }, 'driver: must be one of "auto", "node:sqlite", "better-sqlite3"', ['driver']],
    [{ path: 'x', busyTimeoutMs: 1.5 }, 'busyTimeoutMs: must be a whole number from 0, not 1.5.', ['busyTimeoutMs']],
    [{ path: 'x', migrate: 'no' }, 'migrate: must be true or false, not "no".', ['migrate']],
    [{ path: 'x', now: 5 }, 'now: must be a function, not 5.', ['now']],
    [{ filename: 'x' }, 'There is no option "filename". Did you mean "path"? The options are path, ', ['filename']],
    [{ file: 'x' }, 'There is no option "file". Did you mean "path"?', ['file']],
    [{ path: 'x', busyTimeout: 5 }, 'There is no option "busyTimeout". Did you mean "busyTimeoutMs"?', ['busyTimeout']],
    [{ path: 'x', zzzz: 5 }, 'There is no option "zzzz". The options are path, database, ', ['zzzz']],
  ])('says what is wrong with %j', (options, says, paths) => {
    const error = thrownBy(() => sqliteStorage(options as never))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', paths, message: expect.stringContaining('sqliteStorage') })
    expect(error.message).toContain(says)
  })
})

describe.runIf(betterSqliteLoads)('committing', () => {
  it('refuses to write into a store that a newer version has migrated meanwhile', async () => {
    const path = newPath()
    const storage = await opened(path)
    runSql(path, "UPDATE batuta_meta SET value = '2' WHERE name = 'layout'")
    expect(await failure(commit(storage, leave('a', {})))).toMatchObject({ code: 'STORAGE_NEWER' })
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records).toEqual([undefined])
    await storage.close()
  })

  it('writes nothing while somebody else holds the lock, and works afterwards', async () => {
    const path = newPath()
    const storage = await opened(path)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const write = leave('a', { at: 1 })
    const error = await failure(commit(storage, write))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('busyTimeoutMs')
    expect((await storage.count('times', {})).count).toBe(0)
    other.exec('ROLLBACK')
    other.close()
    expect(await commit(storage, write)).toEqual({ applied: true })
    await storage.close()
  })

  it('tells that the database can only be read', async () => {
    const database = new Database(newPath())
    const storage = sqliteStorage({ database })
    await storage.open(KIT_SCHEMA)
    await commit(storage, leave('a', { at: 1 }))
    database.exec('PRAGMA query_only = ON')
    expect(await failure(commit(storage, leave('b', { at: 2 })))).toMatchObject({ code: 'STORAGE_READONLY' })
    expect((await storage.query('times', { limit: 9 })).records.map((record) => record.id)).toEqual(['a'])
    database.exec('PRAGMA query_only = OFF')
    expect(await commit(storage, leave('b', { at: 2 }))).toEqual({ applied: true })
    database.close()
  })

  it('writes nothing of a commit for which there is no room, and the same sets once there is', async () => {
    const database = new Database(newPath())
    database.exec('PRAGMA journal_mode = WAL')
    const storage = sqliteStorage({ database })
    await storage.open(KIT_SCHEMA)
    const pages = (database.prepare('PRAGMA page_count').get() as { page_count: number }).page_count
    database.exec(`PRAGMA max_page_count = ${pages + 20}`)
    const sets = Array.from({ length: 100 }, (_, at) => {
      return { writes: [leave(`i${at}`, { at, text: 'x'.repeat(2_000) })], notAfter: Number.MAX_SAFE_INTEGER }
    })
    const error = await failure(storage.commit(sets))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('full')
    expect((await storage.count('ids', {})).count).toBe(0)
    expect(await commit(storage, leave('small', {}))).toEqual({ applied: true })
    database.exec('PRAGMA max_page_count = 100000')
    expect((await storage.commit(sets)).results.every((result) => result.applied)).toBe(true)
    expect((await storage.count('ids', {})).count).toBe(101)
    database.close()
  })

  for (const code of ['SQLITE_IOERR_FSYNC', 'SQLITE_FULL', 'SQLITE_BUSY']) {
    it(`has written nothing when COMMIT itself fails with ${code}`, async () => {
      const path = newPath()
      const database = new Database(path)
      let failing = false
      const storage = sqliteStorage({
        database: watched(database, (sql) => {
          if (!failing || sql !== 'COMMIT') return
          failing = false
          throw Object.assign(new Error('disk I/O error'), { code })
        }),
      })
      await storage.open(KIT_SCHEMA)
      const writes = [leave('a', { at: 1 }), leave('b', { at: 2 }, null, 'note')]
      failing = true
      expect(await failure(commit(storage, ...writes))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      expect((await storage.read(writes)).records).toEqual([undefined, undefined])
      const other = await opened(path)
      expect((await other.count('times', {})).count).toBe(0)
      expect(await commit(storage, ...writes)).toEqual({ applied: true })
      expect((await other.count('times', {})).count).toBe(1)
      await other.close()
      database.close()
    })
  }

  it('is not inside a transaction of the owner of a live database', async () => {
    const database = new Database(newPath())
    const storage = sqliteStorage({ database })
    await storage.open(KIT_SCHEMA)
    database.exec("BEGIN; UPDATE batuta_meta SET value = value WHERE name = 'layout'")
    expect(await failure(commit(storage, leave('a', {})))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    // The owner's transaction is the owner's to end.
    database.exec('COMMIT')
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    database.close()
  })

  it('says that a live database was closed by its owner', async () => {
    const database = new Database(newPath())
    const storage = sqliteStorage({ database })
    await storage.open(KIT_SCHEMA)
    database.close()
    expect(await failure(commit(storage, leave('a', {})))).toMatchObject({ code: 'STORAGE_CLOSED' })
    expect(await failure(storage.read([{ kind: 'item', id: 'a' }]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  })

  it('tells a damaged file from an empty one', async () => {
    const path = newPath()
    const storage = await opened(path)
    for (let i = 0; i < 20; i++) await commit(storage, leave(`i${i}`, { at: i, text: 'x'.repeat(3_000) }))
    await storage.close()
    // Everything behind the first page, where the tables are listed, becomes noise.
    const file = openSync(path, 'r+')
    for (let page = 1; page < 40; page++) writeSync(file, Buffer.alloc(4_096, 0xa5), 0, 4_096, page * 4_096)
    const again = sqliteStorage({ path })
    const work = again.open(KIT_SCHEMA).then(() => again.query('times', { limit: 100 }))
    expect(await failure(work)).toMatchObject({ code: 'STORAGE_CORRUPT' })
    await again.close()
  })
})

describe.runIf(betterSqliteLoads)('time', () => {
  it('does not follow a machine whose clock is set back', async () => {
    let ms = 1_000
    const storage = sqliteStorage({ path: ':memory:', now: () => ms })
    expect((await storage.open(KIT_SCHEMA)).now).toBe(1_000)
    ms = 500
    expect((await storage.read([])).now).toBe(1_000)
    ms = 2_000
    expect((await storage.commit([])).now).toBe(2_000)
    await storage.close()
  })
})

describe.runIf(betterSqliteLoads)('sharing one storage', () => {
  it('closes when the last user has closed it', async () => {
    const storage = await opened()
    await storage.open(KIT_SCHEMA)
    await storage.close()
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    await storage.close()
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  })
})
