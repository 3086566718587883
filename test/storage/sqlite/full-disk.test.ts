/** On a file system that is really full, where this user may mount one. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOrchestrator } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { failureOf } from '../../support/app.js'

const directory = mkdtempSync(join(tmpdir(), 'batuta-full-'))
const whyNone = mount('-t', 'tmpfs', '-o', 'size=500k', 'tmpfs')

/** Mounts on the folder; answers why it can't be done, if so. */
function mount(...options: string[]): string | undefined {
  try {
    execFileSync('mount', [...options, directory], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
    return undefined
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string }
    return `no file system can be mounted here: ${(stderr ?? message).trim().split('\n')[0]}`
  }
}

afterAll(() => {
  if (whyNone === undefined) execFileSync('umount', [directory])
  rmSync(directory, { recursive: true, force: true })
})

describe.skipIf(whyNone !== undefined)(`a disk that is full${whyNone === undefined ? '' : ` (${whyNone})`}`, () => {
  it('refuses what it has no room for, keeps what was accepted, and goes on when there is room', async () => {
    const storage = sqliteStorage({ path: join(directory, 'work.db') })
    const app = await createOrchestrator({ storage, storageWaitMs: 300, pollMs: 50 })
    const accepted: string[] = []
    const fill = async () => {
      for (;;) accepted.push((await app.submit({ type: 'x', input: 'y'.repeat(20_000) })).id)
    }
    expect(await failureOf(fill())).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(app.health()).toMatchObject({ ok: false, storage: { available: false } })

    expect(mount('-o', 'remount,size=20m')).toBeUndefined()
    await vi.waitFor(() => expect(app.health().ok).toBe(true), { timeout: 10_000 })
    app.agent('reader', { handler: (input: string) => input.length })
    expect(accepted.length).toBeGreaterThan(0)
    for (const id of accepted) expect(await (await app.getTask(id))?.result()).toBe(20_000)
    expect((await app.listTasks()).tasks).toHaveLength(accepted.length)
    await app.shutdown()
  })
})
