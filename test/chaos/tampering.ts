/** Evidence that is not as it must be, one clause each: what the judge is worth. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { permitIdOf } from '../../src/coordinator/limits/permits.js'
import { SCHEMA } from '../../src/storage/records.js'
import type { Storage, StoredRecord } from '../../src/storage/storage.js'
import type { TaskRecord } from '../../src/task/task-record.js'
import { type StoreAddress, storageAt } from './stores.js'

/** One way to spoil the evidence, and what the judge must say. */
export interface Tampering {
  readonly notice: RegExp
  /** A task to change: the first of these that fits. `undefined` deletes it. */
  readonly task?: { fits(task: TaskRecord): boolean; change(task: TaskRecord): TaskRecord | undefined }
  /** A record to add. */
  readonly record?: { readonly kind: string; readonly id: string; readonly value: object }
  /** The lines of the log that stay, and more of them. */
  readonly log?: (lines: readonly string[]) => readonly string[]
}

const completed = (task: TaskRecord) => task.state === 'completed' && task.parentId === undefined
const lastOf = (task: TaskRecord) => task.attempts[task.attempts.length - 1]

/** The ways. */
export const tamperings: Readonly<Record<string, Tampering>> = {
  'an acknowledged task is gone': {
    notice: /acknowledged as .* and is not there/,
    task: { fits: completed, change: () => undefined },
  },
  'a task has not ended': {
    notice: /is still ready/,
    task: { fits: completed, change: (task) => ({ ...task, state: 'ready' }) },
  },
  'two attempts were accepted': {
    notice: /with \d+ accepted attempts/,
    task: {
      fits: (task) => completed(task) && task.attempts.length > 1,
      change: (task) => ({ ...task, attempts: task.attempts.map((attempt) => ({ ...attempt, outcome: 'completed' })) }),
    },
  },
  'the result is that of another attempt': {
    notice: /was accepted with the result/,
    task: { fits: completed, change: (task) => ({ ...task, output: { life: 'life-1', attempt: 77 } }) },
  },
  'the accepted attempt was claimed by another process': {
    notice: /was accepted with the result/,
    task: {
      fits: completed,
      change: (task) => ({ ...task, attempts: task.attempts.map((attempt) => ({ ...attempt, ownerId: 'nobody' })) }),
    },
  },
  'an attempt is missing': {
    notice: /misses an attempt/,
    task: {
      fits: completed,
      change: (task) => ({ ...task, attempts: task.attempts.map((one) => ({ ...one, number: 9 })) }),
    },
  },
  'a task failed that should not have': {
    notice: /is failed, not completed/,
    task: { fits: completed, change: (task) => ({ ...task, state: 'failed', output: undefined }) },
  },
  'a task was cancelled by nobody': {
    notice: /was cancelled by nobody/,
    task: { fits: (task) => task.parentId !== undefined, change: (task) => ({ ...task, state: 'cancelled' }) },
  },
  'a follow-on task was made twice': {
    notice: /made \d follow-on tasks, not/,
    task: {
      fits: (task) => task.parentId !== undefined,
      change: (task) => ({ ...task, parentId: 'other' }),
    },
  },
  'a later task of a key began too early': {
    notice: /began at .* before .* ended/,
    task: {
      // Far enough behind that one before it was attempted too: some are cancelled before they begin.
      fits: (task) => (task.seq ?? 0) > 4 && task.attempts.length > 0,
      change: (task) => ({ ...task, attempts: task.attempts.map((attempt) => ({ ...attempt, startedAt: 1 })) }),
    },
  },
  'a number was given twice': {
    notice: /gave a number twice|has numbers beyond/,
    task: { fits: (task) => (task.seq ?? 0) === 2, change: (task) => ({ ...task, seq: 1 }) },
  },
  'a holder is left': {
    notice: /is still held by/,
    task: { fits: completed, change: (task) => ({ ...task, holder: lastOf(task)?.ownerId ?? '' }) },
  },
  'a permit is left': {
    notice: /permit .* is still taken/,
    record: { kind: 'permit', id: permitIdOf('chaos.limited', 1), value: { taskId: 'x', token: 'y' } },
  },
  'an owner is left': {
    notice: /1 owners are still there/,
    record: { kind: 'owner', id: 'ghost', value: { startedAt: 1, beatAt: 1, layout: SCHEMA.layout } },
  },
  'a task was seen to end twice': {
    notice: /ended twice/,
    log: (lines) => [...lines, ...lines.filter((line) => line.includes('"t":"ended"')).slice(0, 1)],
  },
  'an accepted attempt never ran': {
    notice: /was accepted and never ran/,
    log: (lines) => lines.filter((line) => !line.includes('"t":"start"')),
  },
  'a handler of a key began while another ran': {
    notice: /: handlers ran at once/,
    log: (lines) => lines.filter((line) => !line.includes('"t":"end"')),
  },
  'more ran at once than the limit lets': {
    notice: /handlers of chaos.limited ran at once/,
    log: (lines) => lines.filter((line) => !line.includes('"t":"end"')),
  },
  'a slot leaked': {
    notice: /ran 14 at once, not 15/,
    log: (lines) => lines.map((line) => line.replace('"slots":15', '"slots":14')),
  },
  'an acknowledgement is missing': {
    notice: /1 tasks were never acknowledged/,
    log: (lines) => {
      const at = lines.findIndex((line) => line.includes('"t":"ack"'))
      return lines.filter((_, i) => i !== at)
    },
  },
}

interface Files {
  readonly store: StoreAddress
  readonly log: string
}

/** A copy of the evidence, of a run on files, with one thing wrong. */
export async function tampered(files: Files, tampering: Tampering): Promise<Files> {
  const path = files.store.url
  const copy = { store: { ...files.store, url: `${path}.copy` }, log: `${files.log}.copy` }
  for (const end of ['', '-wal', '-shm']) {
    if (existsSync(path + end)) copyFileSync(path + end, copy.store.url + end)
  }
  const lines = readFileSync(files.log, 'utf8').split('\n').slice(0, -1)
  writeFileSync(copy.log, (tampering.log?.(lines) ?? lines).map((line) => `${line}\n`).join(''))
  const storage = await storageAt(copy.store)
  const { now } = await storage.open(SCHEMA)
  if (tampering.task !== undefined) await changeTask(storage, now, tampering.task)
  if (tampering.record !== undefined) {
    const { kind, id, value } = tampering.record
    const write = { kind, id, expect: null, leave: { version: 'tampered', value } }
    await storage.commit([{ writes: [write], notAfter: now + 60_000 }])
  }
  await storage.close()
  return copy
}

async function changeTask(storage: Storage, now: number, how: NonNullable<Tampering['task']>): Promise<void> {
  const pages = await Promise.all(
    ['completed', 'failed', 'cancelled'].map((state) => storage.query('listed', { prefix: [state], limit: 1_000 })),
  )
  const records: readonly StoredRecord[] = pages.flatMap((page) => page.records)
  const record = records.find(({ value }) => how.fits(value as TaskRecord))
  if (record === undefined) throw new Error('No task fits.')
  const { kind, id, version } = record
  const value = how.change(record.value as TaskRecord)
  const leave = value === undefined ? null : { version: 'tampered', value: JSON.parse(JSON.stringify(value)) as object }
  const { results } = await storage.commit([{ writes: [{ kind, id, expect: version, leave }], notAfter: now + 60_000 }])
  if (results[0]?.applied !== true) throw new Error('Could not change the task.')
}
