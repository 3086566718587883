/** Tables on a file system that is really full, where this user may mount one. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOrchestrator } from 'batuta'
import { postgresStorage } from 'batuta/storage/postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { failureOf } from '../../support/app.js'
import { whyNoFaults } from '../../support/postgres-server.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

const directory = mkdtempSync(join(tmpdir(), 'batuta-full-'))
const canMount = whyNoFaults === undefined && mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs')
const whyNot = whyNoFaults ?? (canMount ? undefined : 'this user may not mount a file system')

function mount(...options: string[]): boolean {
  try {
    execFileSync('mount', [...options, directory], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const resize = (size: string) => expect(mount('-o', `remount,size=${size}`)).toBe(true)

afterAll(() => {
  if (canMount) execFileSync('umount', [directory])
  rmSync(directory, { recursive: true, force: true })
})

describePostgres(
  'a disk that is full',
  ['autovacuum=off'],
  (server) => {
    const connection = () => ({ connectionString: server().url, options: '-c default_tablespace=small' })
    /** What can't be compressed. */
    const text = (bytes: number) => randomBytes(bytes / 2).toString('hex')

    beforeAll(async () => {
      await server().admin(async (client) => {
        const { rows } = await client.query('SHOW data_directory')
        const { uid, gid } = statSync(rows[0].data_directory)
        chownSync(directory, uid, gid)
        await client.query(`CREATE TABLESPACE small LOCATION '${directory}'`)
      })
    })

    it('takes a commit whole or not at all, and says what it lacks', async () => {
      const storage = await opened({ connection: connection() })
      const writes = (n: number) => [
        leave(`r${n}`, { at: n, text: text(50_000) }),
        leave(`r${n}`, { at: n }, null, 'note'),
      ]
      let accepted = 0
      const fill = async () => {
        for (; ; accepted++) await commit(storage, ...writes(accepted))
      }
      const error = await failure(fill())
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('no room left on its disk')
      expect(error.message).toContain('Nothing was written')
      expect(accepted).toBeGreaterThan(3)
      for (const index of ['times', 'notes']) expect((await storage.count(index, {})).count).toBe(accepted)

      resize('7m')
      expect(await commit(storage, ...writes(accepted))).toEqual({ applied: true })
      for (const index of ['times', 'notes']) expect((await storage.count(index, {})).count).toBe(accepted + 1)
      await storage.close()
    })

    it('lets nothing be lost that an application has accepted, and the work go on when there is room', async () => {
      const storage = postgresStorage({ connection: connection(), schema: newSchema() })
      const app = await createOrchestrator({ storage, storageWaitMs: 300, pollMs: 50 })
      const accepted: string[] = []
      const fill = async () => {
        for (;;) accepted.push((await app.submit({ type: 'x', input: text(50_000) })).id)
      }
      expect(await failureOf(fill())).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(accepted.length).toBeGreaterThan(3)

      resize('64m')
      await vi.waitFor(() => expect(app.health().ok).toBe(true), { timeout: 10_000 })
      app.agent('reader', { handler: (input: string) => input.length })
      for (const id of accepted) expect(await (await app.getTask(id))?.result()).toBe(50_000)
      expect((await app.listTasks()).tasks).toHaveLength(accepted.length)
      await app.shutdown()
    })
  },
  whyNot,
)
