import { setTimeout as pause } from 'node:timers/promises'
import {
  type BatutaEvent,
  createOrchestrator,
  defineAgent,
  defineTask,
  type Orchestrator,
  type OrchestratorOptions,
} from 'batuta'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { failureOf, gate } from '../support/app.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { type NodesServer, newSpace, SERVERS, type ServerKind } from './servers.js'

const work = defineTask<string, string, never, string, string, never>('work', {})
/** Staged by every attempt of `work`: stored once for each that was accepted. */
const proof = defineTask<string, string, never, string, string, never>('proof', {})

const TIMES: OrchestratorOptions = { leaseMs: 2_000, heartbeatMs: 300, observeMs: 100, pollMs: 200 }

/** Waits for what comes sooner or later; the test's own limit ends it. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20)
}

/** One node behind a network of its own. */
interface Node {
  readonly app: Orchestrator
  readonly proxy: TcpProxy
  readonly events: BatutaEvent[]
  cut(): void
}

/** What a handler does beyond answering. */
type Work = (input: string, node: number, signal: AbortSignal) => Promise<void>

/** Nodes over one space of a server, with an agent each; `log` has every start of a handler. */
async function startNodes(server: NodesServer, nodes: number, options: OrchestratorOptions = {}, act?: Work) {
  const space = newSpace()
  const log: { input: string; node: number }[] = []
  const startOne = async (node: number): Promise<Node> => {
    const proxy = await TcpProxy.start(server.port)
    const handlers = [
      work.handler(async (input, ctx) => {
        log.push({ input, node })
        await act?.(input, node, ctx.signal)
        ctx.submit(proof, input, { delayMs: 600_000 })
        return `${input} by ${node}`
      }),
    ]
    const app = await createOrchestrator({
      storage: server.storage(proxy.port, space),
      tasks: [work, proof],
      agents: [defineAgent(`agent-${node}`, { handlers, maxConcurrentTasks: 20 })],
      ...TIMES,
      ...options,
    })
    const events: BatutaEvent[] = []
    app.on('*', (event) => events.push(event))
    onTestFinished(async () => {
      proxy.passAll()
      await app.shutdown({ graceMs: 0 })
      await proxy.stop()
    })
    const cut = () => {
      proxy.isOpen = false
      proxy.cutAll()
    }
    return { app, proxy, events, cut }
  }
  const started: Node[] = []
  for (let node = 0; node < nodes; node++) started.push(await startOne(node))
  return { nodes: started, first: started[0] as Node, second: started[1] as Node, log }
}

/** The inputs of the tasks of a type that are stored. */
async function stored(app: Orchestrator, type: string): Promise<unknown[]> {
  const { tasks } = await app.listTasks({ type, limit: 500 })
  return tasks.map(({ input }) => input).sort()
}

const isAway = ({ app }: Node) => !app.health().storage.available
const isWell = ({ app }: Node) => app.health().ok
const named = ({ events }: Node, type: string) => events.filter((event) => event.type === type)

function describeServer({ name, why, start }: ServerKind): void {
  describe.skipIf(why !== undefined)(why === undefined ? `an outage of ${name}` : `${name} (${why})`, () => {
    let server: NodesServer
    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())

    describe('for one who submits', () => {
      it.each([{}, { idempotencyKey: 'k' }, { orderingKey: 'k' }])(
        'is STORAGE_UNAVAILABLE after the wait, with nothing written: %o',
        async (options) => {
          const { first } = await startNodes(server, 1, { storageWaitMs: 700 })
          first.cut()
          await eventually(() => isAway(first))
          const error = await failureOf(first.app.submit(work, 'a', options))
          expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
          first.proxy.passAll()
          await eventually(() => isWell(first))
          expect(await stored(first.app, 'work')).toEqual([])
        },
      )

      it('is waited out, and the task is there once', async () => {
        const { first, log } = await startNodes(server, 1, { storageWaitMs: 60_000 })
        first.cut()
        await eventually(() => isAway(first))
        const submitted = Promise.all(['a', 'b', 'c'].map((input) => first.app.submit(work, input)))
        await pause(600)
        first.proxy.passAll()
        const handles = await submitted
        expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(['a by 0', 'b by 0', 'c by 0'])
        expect(log.map(({ input }) => input).sort()).toEqual(['a', 'b', 'c'])
        expect(await stored(first.app, 'work')).toEqual(['a', 'b', 'c'])
      })

      /** Lets the commit of an input through and ends the connection instead of its answer. */
      function loseTheAnswer({ proxy }: Node, input: string): void {
        proxy.toServer = (data, link) => {
          link.server.write(data)
          if (!data.includes(input)) return
          proxy.isOpen = false
          proxy.toClient = (_answer, { cut }) => cut()
        }
      }

      it('that lost the answer is settled by itself, and the task is there once', async () => {
        const { first } = await startNodes(server, 1, { storageWaitMs: 60_000 })
        loseTheAnswer(first, 'answer-is-lost')
        const submitted = first.app.submit(work, 'answer-is-lost')
        await eventually(() => isAway(first))
        first.proxy.passAll()
        expect(await (await submitted).result()).toBe('answer-is-lost by 0')
        expect(await stored(first.app, 'work')).toEqual(['answer-is-lost'])
      })

      it('that lost the answer and stays is SUBMIT_OUTCOME_UNKNOWN, with the id to look for', async () => {
        const { first } = await startNodes(server, 1, { storageWaitMs: 700 })
        loseTheAnswer(first, 'answer-is-lost')
        const error = await failureOf(first.app.submit(work, 'answer-is-lost'))
        expect(error.code).toBe('SUBMIT_OUTCOME_UNKNOWN')
        const { taskId } = error.data as { taskId: string }
        first.proxy.passAll()
        await eventually(() => isWell(first))
        const task = await first.app.getTask(taskId, work)
        expect(await task?.result()).toBe('answer-is-lost by 0')
      })
    })

    it('that is silence fails in time, and what arrives late does no harm', async () => {
      const { first, log } = await startNodes(server, 1, { storageWaitMs: 700 })
      await (await first.app.submit(work, 'before')).result()
      const silentAt = performance.now()
      first.proxy.hold()
      const inputs = ['a', 'b', 'c']
      const errors = await Promise.all(inputs.map((input) => failureOf(first.app.submit(work, input))))
      // What is on its way is waited for until the storage's own limit for a command.
      expect(performance.now() - silentAt).toBeLessThan(7_000)
      for (const { code, retryable } of errors) {
        expect(['STORAGE_UNAVAILABLE', 'SUBMIT_OUTCOME_UNKNOWN']).toContain(code)
        expect(retryable).toBe(code === 'STORAGE_UNAVAILABLE')
      }
      await eventually(() => isAway(first))
      first.proxy.passAll()
      await eventually(() => isWell(first))
      const after = await first.app.submit(work, 'after')
      expect(await after.result()).toBe('after by 0')
      // Nobody was told that these are there; if one is, it is done once.
      const there = await stored(first.app, 'work')
      const certain = inputs.filter((_, i) => errors[i]?.code === 'STORAGE_UNAVAILABLE')
      expect(there.filter((input) => certain.includes(input as string))).toEqual([])
      await eventually(() => log.length === there.length)
      await eventually(async () => (await stored(first.app, 'proof')).length === there.length)
    })

    it('that is a blip leaves the handlers alone, and what they answer meanwhile is accepted', async () => {
      const during = gate()
      const after = gate()
      const aborted: string[] = []
      const { first, log } = await startNodes(server, 1, { leaseMs: 4_000 }, async (input, _node, signal) => {
        signal.addEventListener('abort', () => aborted.push(input))
        await (input.startsWith('during') ? during : after).opened
      })
      const inputs = ['after-1', 'after-2', 'during-1', 'during-2']
      const handles = await Promise.all(inputs.map((input) => first.app.submit(work, input)))
      await eventually(() => log.length === 4)
      first.cut()
      await eventually(() => isAway(first))
      during.open()
      await pause(1_200)
      first.proxy.passAll()
      await eventually(() => isWell(first))
      after.open()
      const results = await Promise.all(handles.map((handle) => handle.result()))
      expect(results).toEqual(inputs.map((input) => `${input} by 0`))
      expect(aborted).toEqual([])
      expect(log).toHaveLength(4)
      expect(await stored(first.app, 'proof')).toEqual(inputs)
      expect(named(first, 'task:lost')).toEqual([])
    })

    it('longer than the lease makes nobody be declared dead; each task is accepted once, in its order', async () => {
      const isOver = gate()
      const { first, second, nodes, log } = await startNodes(server, 2, {}, async (_input, _node, signal) => {
        await Promise.race([isOver.opened, new Promise((resolve) => signal.addEventListener('abort', resolve))])
        signal.throwIfAborted()
      })
      const inputs = Array.from({ length: 24 }, (_, n) => `k${n % 6}-${Math.floor(n / 6)}`)
      const handles = []
      for (const [n, input] of inputs.entries())
        handles.push(await (nodes[n % 2] as Node).app.submit(work, input, { orderingKey: input.slice(0, 2) }))
      await eventually(() => log.length === 6)
      const ownerIds = nodes.map(({ app }) => app.health().ownerId)
      for (const node of nodes) node.cut()
      await eventually(() => nodes.every(isAway))
      await pause(3_500)
      expect(nodes.map(({ app }) => app.health().ok)).toEqual([false, false])
      for (const { proxy } of nodes) proxy.passAll()
      isOver.open()
      const results = await Promise.all(handles.map((handle) => handle.result()))
      expect(results.map((result) => result.split(' ')[0])).toEqual(inputs)
      await eventually(() => nodes.every(isWell))
      expect(nodes.map(({ app }) => app.health().ownerId)).toEqual(ownerIds)
      for (const node of [first, second]) expect(named(node, 'owner:lost')).toEqual([])
      expect(await stored(second.app, 'proof')).toEqual([...inputs].sort())
      for (let key = 0; key < 6; key++) {
        const begun = log.map(({ input }) => input).filter((input) => input.startsWith(`k${key}`))
        // The aborted ones began again before any of their successors did.
        expect(begun).toEqual([...begun].sort())
      }
    })

    it.each([
      ['whose connections end', ({ cut }: Node) => cut()],
      ['that only hears nothing any more', ({ proxy }: Node) => proxy.hold()],
    ])('of one node %s hands its tasks to the other, and its late results do not count', async (_how, isolate) => {
      const late = gate()
      const { first, second, log } = await startNodes(server, 2, {}, async (input, node) => {
        // On the node that is cut off handlers do not care for their signal.
        if (node === 0 && input.startsWith('taken')) await late.opened
      })
      // Whoever submits has its tasks done first.
      const inputs = ['taken-1', 'taken-2', 'taken-3']
      second.app.pause('agent-1')
      const ids = []
      for (const input of inputs) ids.push((await first.app.submit(work, input)).id)
      await eventually(() => log.length === 3)
      second.app.resume('agent-1')
      isolate(first)
      const results = []
      for (const id of ids) results.push(await (await second.app.getTask(id, work))?.result())
      expect(results).toEqual(inputs.map((input) => `${input} by 1`))
      late.open()
      await pause(100)
      first.proxy.passAll()
      await eventually(() => isWell(first) && named(first, 'owner:renewed').length === 1)
      const more = await first.app.submit(work, 'more')
      await more.result()
      for (const [i, id] of ids.entries()) {
        const task = await (await first.app.getTask(id))?.snapshot()
        expect(task).toMatchObject({ status: 'completed', output: `${inputs[i]} by 1` })
      }
      expect(await stored(first.app, 'proof')).toEqual(['more', ...inputs])
    })
  })
}

for (const kind of SERVERS) describeServer(kind)
