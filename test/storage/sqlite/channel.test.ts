import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { type SqliteStorageOptions, sqliteStorage } from '../../../src/storage/sqlite/index.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { eventually } from '../asking.js'
import { channelCases, channelOf, heard, listening } from '../channel-cases.js'
import { betterSqliteLoads, failure, runSql } from './support.js'
import { temporaryFiles } from './temporary.js'

const newPath = temporaryFiles()

async function opened(path: string, options: SqliteStorageOptions = {}) {
  const storage = sqliteStorage({ path, ...options })
  await storage.open(KIT_SCHEMA)
  return storage
}

describe('the channel', () => {
  channelCases({ newPlace: newPath, open: opened })

  it('tells nothing of what was said before it listened', async () => {
    const path = newPath()
    const { storage, channel } = await listening(await opened(path))
    channel.publish('early')
    const late = await listening(await opened(path))
    expect(late.texts).not.toContain('early')
    for (const one of [storage, late.storage]) await one.close()
  })

  it('keeps its connection until it is closed, and none after that', async () => {
    const path = newPath()
    const { storage, channel, texts } = await listening(await opened(path))
    await channel.close()
    await channel.close()
    channel.publish('x')
    channel.subscribe((text) => texts.push(text))
    expect(texts).not.toContain('x')
    channelOf(storage).subscribe(() => undefined)
    await storage.close()
    // Whoever closes a file last takes its log away.
    expect(existsSync(`${path}-wal`)).toBe(false)
  })

  it('is not there where there is no file, for a live database, and where it is not wanted', async () => {
    expect(sqliteStorage({ path: newPath(), channel: false }).channel).toBeUndefined()
    expect(sqliteStorage({ path: ':memory:' }).channel).toBeUndefined()
    const error = await failure((async () => sqliteStorage({ path: ':memory:', channel: true }))())
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringContaining('names a file') })
  })
})

describe.runIf(betterSqliteLoads)('the table of the channel', () => {
  it('keeps the last texts only', async () => {
    const path = newPath()
    const { storage, channel, texts } = await listening(await opened(path))
    for (let round = 1; round <= 30; round++) {
      for (let n = 0; n < 50; n++) channel.publish(`text ${round} ${n}`)
      await eventually(
        async () => texts.at(-1),
        (last) => last === `text ${round} 49`,
      )
    }
    const database = new Database(path)
    const { count } = database.prepare('SELECT count(*) AS count FROM batuta_channel').get() as { count: number }
    database.close()
    expect(count).toBe(500)
    await storage.close()
  })

  it('is written without waiting for a lock of others, and then after it', async () => {
    const path = newPath()
    const { storage, channel, texts } = await listening(await opened(path))
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const from = performance.now()
    for (let n = 0; n < 150; n++) channel.publish(`text ${n}`)
    expect(performance.now() - from).toBeLessThan(500)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(texts.at(-1)).toBe('listening')
    other.exec('COMMIT')
    other.close()
    await eventually(
      async () => texts.at(-1),
      (last) => last === 'text 149',
    )
    // Of so many that wait, the oldest are lost.
    expect(texts).not.toContain('text 49')
    expect(texts).toContain('text 50')
    await storage.close()
  })

  it('is read while what is to be said waits for a lock of others', async () => {
    const path = newPath()
    const [a, b] = [await listening(await opened(path)), await listening(await opened(path))]
    const other = new Database(path)
    a.channel.publish('heard')
    other.exec('BEGIN IMMEDIATE')
    b.channel.publish('said later')
    await eventually(
      async () => b.told().join(),
      (told) => told === 'heard',
    )
    other.exec('COMMIT')
    other.close()
    await eventually(
      async () => a.told().join(),
      (told) => told === 'heard,said later',
    )
    for (const { storage } of [a, b]) await storage.close()
  })

  it('comes back by itself when its table was away', async () => {
    const path = newPath()
    const { storage, channel, texts } = await listening(await opened(path))
    runSql(path, 'ALTER TABLE batuta_channel RENAME TO away')
    channel.publish('lost')
    await new Promise((resolve) => setTimeout(resolve, 50))
    runSql(path, 'ALTER TABLE away RENAME TO batuta_channel')
    await heard(channel, texts, 'back')
    await storage.close()
  })

  it('is part of the layout: a store without it is migrated, or refused', async () => {
    const path = newPath()
    await (await opened(path)).close()
    runSql(path, 'DROP TABLE batuta_channel')
    const fixed = sqliteStorage({ path, migrate: false })
    expect(await failure(fixed.open(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_OUTDATED' })
    const { storage } = await listening(await opened(path))
    await storage.close()
    await fixed.open(KIT_SCHEMA)
    await fixed.close()
  })
})
