import { setTimeout as pause } from 'node:timers/promises'
import { createOrchestrator, defineAgent, defineTask, type Orchestrator } from 'batuta'
import { mongodbStorage } from 'batuta/storage/mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate } from '../../support/app.js'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { failure } from './support.js'

const DATABASE = 'orchestrators'
const WAIT_MS = 3_000
/** Machines may be busy. */
const SLACK_MS = 3_000

const double = defineTask('double', { input: z.object({ n: z.number() }), output: z.number() })
const held = defineTask('held', { output: z.string() })

let server: MongodbServer
let app: Orchestrator
let prefix: string
let prefixes = 0
let started: ReturnType<typeof gate>
let opening: ReturnType<typeof gate>

/** Gives the tasks a rule that none of them keeps; none without `isOn`. */
async function refuseTasks(isOn: boolean): Promise<void> {
  const validator = isOn ? { nothing: { $exists: true } } : {}
  await server.client.db(DATABASE).command({ collMod: `${prefix}_task`, validator })
}

/** How many `update` commands the server was given. */
async function updates(): Promise<number> {
  const { metrics } = await server.client.db('admin').command({ serverStatus: 1 })
  return metrics.commands.update.total
}

async function resultOf(n: number) {
  return await (await app.submit(double, { n })).result()
}

describe.skipIf(whyNoFaults)('an orchestrator over a MongoDB server that does not write', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  beforeEach(async () => {
    prefix = `p${Date.now()}-${++prefixes}`
    started = gate()
    opening = gate()
    const handlers = [
      double.handler(({ n }) => 2 * n),
      held.handler(async () => {
        started.open(undefined)
        await opening.opened
        return 'done'
      }),
    ]
    app = await createOrchestrator({
      storage: mongodbStorage({ uri: server.uri, database: DATABASE, prefix }),
      agents: [defineAgent('worker', { handlers })],
      storageWaitMs: WAIT_MS,
    })
  })
  afterEach(async () => {
    await server.heal()
    await refuseTasks(false)
    await app.shutdown({ graceMs: 0 })
  })

  it('fails a submit with what stands in its way when a validator refuses it, and works when that is gone', async () => {
    await refuseTasks(true)
    const [before, began] = [await updates(), performance.now()]
    const error = await failure(app.submit(double, { n: 1 }))
    expect(error).toMatchObject({ code: 'STORAGE_REFUSED', retryable: false })
    expect(error.message).toContain('validator')
    expect(performance.now() - began).toBeLessThan(WAIT_MS)
    // Heartbeats are among them.
    expect((await updates()) - before).toBeLessThan(20)
    await refuseTasks(false)
    expect(await resultOf(2)).toBe(4)
  })

  it('fails a submit in time when the disk is full, and works when there is room again', async () => {
    await server.fail(1_000_000, { failCommands: ['update'], errorCode: 14_031 })
    const [before, began] = [await updates(), performance.now()]
    const error = await failure(app.submit(double, { n: 1 }))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(String(error.cause)).toContain('has no space left')
    expect(performance.now() - began).toBeLessThan(WAIT_MS + SLACK_MS)
    expect((await updates()) - before).toBeLessThan(40)
    await server.heal()
    expect(await resultOf(3)).toBe(6)
  })

  it('ends a task that was running meanwhile when the validator is gone', async () => {
    const task = await app.submit(held, undefined)
    await started.opened
    await refuseTasks(true)
    const before = await updates()
    opening.open(undefined)
    await pause(2_000)
    expect((await updates()) - before).toBeLessThan(40)
    await refuseTasks(false)
    expect(await task.result()).toBe('done')
  })
})
