import Database from 'better-sqlite3'
import { describe, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import { betterSqliteLoads } from './support.js'
import { temporaryFiles } from './temporary.js'

const newPath = temporaryFiles()
const hasBuiltin = process.getBuiltinModule('node:sqlite') !== undefined

const drivers = [
  ...(betterSqliteLoads ? (['better-sqlite3'] as const) : []),
  ...(hasBuiltin ? (['node:sqlite'] as const) : []),
]

for (const driver of drivers) {
  describe(`SQLite storage, ${driver}`, () => {
    storageConformance(
      {
        create: async () => {
          const path = newPath()
          const storage = sqliteStorage({ path, driver })
          const opened = [storage]
          return {
            storage,
            reopen: async () => {
              const again = sqliteStorage({ path, driver })
              opened.push(again)
              return again
            },
            dispose: async () => {
              for (const one of opened) await one.close()
            },
          }
        },
      },
      { describe, it },
    )
  })
}

describe.runIf(betterSqliteLoads)('SQLite storage over a live database', () => {
  storageConformance(
    {
      create: async () => {
        const database = new Database(newPath())
        const storage = sqliteStorage({ database })
        return {
          storage,
          reopen: async () => sqliteStorage({ database }),
          dispose: async () => {
            database.close()
          },
        }
      },
    },
    { describe, it },
  )
})
