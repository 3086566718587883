import { setTimeout as pause } from 'node:timers/promises'
import {
  type AgentDefinition,
  type Bus,
  BusHub,
  createOrchestrator,
  defineAgent,
  defineTask,
  isBatutaError,
  memoryStorage,
  type Orchestrator,
  type OrchestratorOptions,
  type Storage,
  staticSchema,
} from 'batuta'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Coordinator } from '../../src/coordinator/coordinator.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { temporaryFiles } from '../storage/sqlite/temporary.js'
import { gate } from '../support/app.js'
import { type NodesServer, newSpace, SHARED } from './servers.js'

const work = defineTask<string, string, never, string, string, never>('work', {})
const ping = defineTask('ping', { output: staticSchema<string>() })
const newPath = temporaryFiles()

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20)
}

/** Soon: what was said before a channel listened is lost. */
async function isAnswered(asking: Orchestrator): Promise<boolean> {
  const task = await asking.submit(ping)
  return await Promise.race([task.result().then(() => true), pause(200).then(() => false)])
}

/** One node that asks and has no agents, and one that has them all. */
async function startTwo(storage: () => Storage, bus: () => Bus | undefined, options: OrchestratorOptions) {
  const isOver = gate()
  const seen: string[] = []
  const agents = ['ana', 'beto'].map((id) =>
    defineAgent(id, {
      capabilities: ['speak', id],
      handlers: [
        work.handler(async (input, ctx) => {
          seen.push(`${input} started`)
          ctx.signal.addEventListener('abort', () => seen.push(`${input} aborted`))
          await Promise.race([isOver.opened, new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))])
          return `${input} by ${id}`
        }),
        ping.handler(() => 'pong'),
      ],
    }),
  )
  const asking = await createOrchestrator({ storage: storage(), bus: bus(), tasks: [work], ...options })
  const working = await createOrchestrator({ storage: storage(), bus: bus(), agents, ...options })
  onTestFinished(async () => {
    await Promise.all([asking.shutdown({ graceMs: 0 }), working.shutdown({ graceMs: 0 })])
  })
  // Each has seen the other, and hears what it says.
  await eventually(async () => (await asking.status()).owners.length === 2)
  await eventually(() => isAnswered(asking))
  return { asking, working, isOver, seen }
}

/** What one node can see and do of what runs on another. */
function views(start: () => ReturnType<typeof startTwo>): void {
  it('why a task is pending says nothing false of agents that another node has', async () => {
    const { asking, working, isOver, seen } = await start()
    for (const id of ['ana', 'beto']) working.pause(id)
    const task = await asking.submit({ type: 'work', input: 'a', requires: ['speak'] })
    // What it knows of the other's agents is as old as its last look at them.
    await eventually(async () => {
      const { pending } = await task.explain()
      return pending.length === 1 && pending[0]?.kind === 'all_away'
    })
    expect((await task.explain()).pending).toEqual([{ kind: 'all_away', agents: 2, statuses: { paused: 2 } }])
    expect((await (await working.getTask(task.id))?.explain())?.pending).toMatchObject([{ kind: 'all_away' }])
    working.resume('ana')
    isOver.open()
    expect(await task.result()).toBe('a by ana')
    expect((await task.explain()).attempts).toMatchObject([{ agentId: 'ana', outcome: 'completed' }])
    expect(seen).toEqual(['a started'])
  }, 30_000)

  it('an agent that is paused and resumed at once is known as one at work', async () => {
    const { working } = await start()
    for (let times = 0; times < 3; times++)
      for (const id of ['ana', 'beto']) {
        working.pause(id)
        working.resume(id)
      }
    // Two were made known when they joined, and then each of twelve changes.
    const { node } = working.coordinator as Coordinator
    await eventually(() => node.agentChanges >= 14)
    const { records } = await node.storage.query('agents', { limit: 10 })
    expect(records).toMatchObject([{ value: { paused: false } }, { value: { paused: false } }])
  }, 30_000)

  it('a result is heard of where somebody waits, and a cancel where it runs', async () => {
    const { asking, isOver, seen } = await start()
    const [kept, dropped] = await Promise.all([asking.submit(work, 'kept'), asking.submit(work, 'dropped')])
    await eventually(() => seen.length === 2)
    expect((await asking.status()).tasks.running).toBe(2)
    expect(await dropped.cancel('no more')).toBe(true)
    const error = await dropped.result().catch((thrown: unknown) => thrown)
    expect(isBatutaError(error, 'TASK_CANCELLED')).toBe(true)
    await eventually(() => seen.includes('dropped aborted'))
    const result = kept.result()
    isOver.open()
    expect(await result).toMatch(/^kept by/)
  }, 30_000)

  it('an agent that drains there ends what it has and leaves the rest to others', async () => {
    const { asking, working, isOver, seen } = await start()
    const first = await asking.submit({ type: 'work', input: 'first', requires: ['ana'] })
    await eventually(() => seen.length === 1)
    const drained = working.drain('ana')
    const second = await asking.submit({ type: 'work', input: 'second', requires: ['ana'] })
    const third = await asking.submit(work, 'third')
    isOver.open()
    await drained
    expect(await first.result()).toBe('first by ana')
    expect(await third.result()).toBe('third by beto')
    expect((await (await working.getTask(second.id))?.explain())?.pending).toMatchObject([
      { kind: 'all_away', agents: 1, statuses: { draining: 1 } },
    ])
    // To others it is one more that takes nothing now.
    await eventually(async () => (await second.explain()).pending[0]?.kind === 'all_away')
    expect((await second.snapshot()).status).toBe('pending')
    expect(await second.cancel()).toBe(true)
  }, 30_000)
}

describe('a node that starts', () => {
  /** So rarely that nothing is seen by looking or beating from time to time. */
  const RARELY: OrchestratorOptions = { observeMs: 60_000, heartbeatMs: 60_000, leaseMs: 240_000 }

  /** Nodes that start one after the other over one storage, each with an agent that takes so many tasks at once. */
  async function startAll(ids: readonly string[], slots: number) {
    const storage = memoryStorage()
    const apps = []
    for (const id of ids) {
      const agent = defineAgent(id, { handlers: [ping.handler(() => pause(50, 'pong'))], maxConcurrentTasks: slots })
      const app = await createOrchestrator({ storage, agents: [agent], pollMs: 20, ...RARELY })
      onTestFinished(async () => void (await app.shutdown()))
      apps.push(app)
    }
    return { apps, peers: apps.map((app) => (app.coordinator as Coordinator).node.peers) }
  }

  it('knows at once of those that are there already, with their agents', async () => {
    const { peers } = await startAll(['ana', 'beto', 'carla'], 1)
    expect(peers[2]?.agents().map(({ agentId }) => agentId)).toEqual(expect.arrayContaining(['ana', 'beto']))
  })

  it('is known to one that it was quicker than', async () => {
    const { apps, peers } = await startAll(['ana', 'beto'], 10)
    const [first] = apps
    expect(peers[0]?.isAlone).toBe(true)
    await eventually(async () => {
      await first?.submitMany(ping, Array<undefined>(40).fill(undefined))
      return peers[0]?.isAlone === false
    })
    await eventually(() => peers[0]?.agents().some(({ agentId }) => agentId === 'beto') === true)
  })
})

/** So long that nothing is found by polling. */
const NEVER: OrchestratorOptions = { observeMs: 100, pollMs: 600_000, leaseMs: 600_000, heartbeatMs: 500 }
const POLLED: OrchestratorOptions = { observeMs: 100, pollMs: 100, heartbeatMs: 300 }

describe('two nodes over one SQLite file, with a hub', () => {
  views(() => {
    const hub = new BusHub()
    const path = newPath()
    return startTwo(
      () => sqliteStorage({ path, channel: false }),
      () => hub.connect(),
      NEVER,
    )
  })
})

for (const { name, why, start } of SHARED)
  describe.skipIf(why !== undefined)(why === undefined ? `two nodes over ${name}` : `${name} (${why})`, () => {
    let server: NodesServer
    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())
    const two = (bus: () => Bus | undefined, options: OrchestratorOptions) => {
      const space = newSpace()
      return startTwo(() => server.storage(server.port, space), bus, options)
    }
    describe('with its channel', () => views(() => two(() => undefined, NEVER)))
    it('one that has just started is answered by one that was alone', async () => {
      const space = newSpace()
      const options = { ...NEVER, observeMs: 60_000, heartbeatMs: 60_000 }
      const start = (agents: AgentDefinition[]) =>
        createOrchestrator({ storage: server.storage(server.port, space), agents, ...options })
      const working = await start([defineAgent('ana', { handlers: [ping.handler(() => 'pong')] })])
      onTestFinished(async () => void (await working.shutdown()))
      const asking = await start([])
      onTestFinished(async () => void (await asking.shutdown()))
      await eventually(() => isAnswered(asking))
    }, 20_000)
    // A hub of its own for each: nothing is said between them.
    describe('by polling alone', () => views(() => two(() => new BusHub().connect(), POLLED)))
  })
