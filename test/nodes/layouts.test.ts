import { createOrchestrator, defineAgent, isBatutaError } from 'batuta'
import { expect, it, onTestFinished } from 'vitest'
import { SCHEMA } from '../../src/storage/records.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import type { TaskRecord } from '../../src/task/task-record.js'
import { temporaryFiles } from '../storage/sqlite/temporary.js'

const newPath = temporaryFiles()
const agents = [defineAgent('ana', { handler: (input) => input })]

it('a node that runs while a newer version migrates the store is told so, and claims no more', async () => {
  const path = newPath()
  const started: string[] = []
  const app = await createOrchestrator({
    agents,
    storage: sqliteStorage({ path }),
    leaseMs: 600,
    heartbeatMs: 200,
    observeMs: 100,
  })
  onTestFinished(async () => void (await app.shutdown({ graceMs: 0 })))
  expect((await app.run({ type: 'x', input: 1 })).output).toBe(1)
  const away: unknown[] = []
  app.on('storage:unavailable', ({ error }) => away.push(error))
  app.on('task:started', ({ task }) => started.push(task.id))
  const newer = sqliteStorage({ path })
  const { now } = await newer.open({ ...SCHEMA, layout: SCHEMA.layout + 1 })
  onTestFinished(() => newer.close())
  const error = await app.submit({ type: 'x' }).catch((thrown: unknown) => thrown)
  expect(isBatutaError(error, 'STORAGE_NEWER')).toBe(true)
  // And so is who only works there.
  expect(away.map((each) => isBatutaError(each, 'STORAGE_NEWER'))).toEqual([true])
  expect(app.health().ok).toBe(false)
  // What a newer node makes ready is none of its business.
  const { records } = await newer.query('listed', { prefix: ['completed'], limit: 1 })
  const value: TaskRecord = { ...(records[0]?.value as TaskRecord), state: 'ready', attempts: [] }
  const write = { kind: 'task', id: 'from-newer', expect: null, leave: { version: 'n.1', value } }
  await newer.commit([{ writes: [write], notAfter: now + 60_000 }])
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(started).toEqual([])
}, 30_000)

it('fields that a newer version wrote survive the writes of this one', async () => {
  const path = newPath()
  const first = await createOrchestrator({ storage: sqliteStorage({ path }) })
  const { id } = await first.submit({ type: 'x', input: 1 })
  await first.shutdown()
  const storage = sqliteStorage({ path })
  const { now } = await storage.open(SCHEMA)
  const found = (await storage.read([{ kind: 'task', id }])).records[0]
  const leave = { version: 'newer.1', value: { ...found?.value, colour: 'blue' } }
  await storage.commit([
    { writes: [{ kind: 'task', id, expect: found?.version ?? null, leave }], notAfter: now + 60_000 },
  ])
  const app = await createOrchestrator({ agents, storage: sqliteStorage({ path }) })
  await (await app.getTask(id))?.result()
  await app.shutdown()
  const after = (await storage.read([{ kind: 'task', id }])).records[0]
  expect(after?.value).toMatchObject({ state: 'completed', colour: 'blue' })
  await storage.close()
}, 30_000)
