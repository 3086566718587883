import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { temporaryFiles } from './temporary.js'

const newPath = temporaryFiles()
const script = fileURLToPath(new URL('./committer.ts', import.meta.url))

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Kills a committer of pairs once it has acknowledged so many; the last number that it acknowledged. */
async function killAfter(child: ChildProcess, count: number): Promise<number> {
  let text = ''
  child.stdout?.setEncoding('utf8')
  child.stdout?.on('data', (chunk: string) => {
    text += chunk
    if (text.split('\n').length > count / 20) child.kill('SIGKILL')
  })
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  return Number(text.trimEnd().split('\n').at(-1))
}

describe('two processes on one file', () => {
  it('open it new at the same moment, and lose no update', async () => {
    const path = newPath()
    const children = [start('counter', path, 'a', '150'), start('counter', path, 'b', '150')]
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]))
    expect(codes).toEqual([0, 0])
    const storage = sqliteStorage({ path })
    await storage.open(KIT_SCHEMA)
    expect((await storage.read([{ kind: 'item', id: 'counter' }])).records[0]?.value).toEqual({ n: 300 })
    await storage.close()
  }, 60_000)
})

describe('a process that is killed while it commits', () => {
  it('leaves what it acknowledged, and only whole sets', async () => {
    const path = newPath()
    for (const [name, count] of [
      ['a', 200],
      ['b', 700],
    ] as const) {
      const last = await killAfter(start('pairs', path, name), count)
      const storage = sqliteStorage({ path })
      await storage.open(KIT_SCHEMA)
      // A commit under way when the process died may be there, whole; nothing later was begun.
      const keys = Array.from({ length: last + 41 }, (_, i) => `${name}${i}`)
      const items = (await storage.read(keys.map((id) => ({ kind: 'item', id })))).records
      const notes = (await storage.read(keys.map((id) => ({ kind: 'note', id })))).records
      expect(items.slice(0, last + 1).every((record) => record !== undefined)).toBe(true)
      expect(items.map((record) => record?.version)).toEqual(notes.map((record) => record?.version))
      expect(items.slice(last + 21).every((record) => record === undefined)).toBe(true)
      expect(new Set(items.slice(last + 1, last + 21).map((record) => record === undefined)).size).toBe(1)
      const total = (await storage.count('ids', {})).count
      expect((await storage.count('times', {})).count).toBe(total)
      expect((await storage.count('notes', {})).count).toBe(total)
      await storage.close()
    }
  }, 60_000)
})
