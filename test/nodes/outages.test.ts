import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failureOf, gate } from '../support/app.js'
import {
  eventually,
  isAway,
  isWell,
  named,
  type ProxiedNode,
  startProxied,
  stored,
  untilBeatIs,
  work,
} from './proxied.js'
import { type NodesServer, SERVERS, type ServerKind } from './servers.js'

/** As they are where nothing is said. */
const DEFAULT_TIMES = { leaseMs: 3_000, heartbeatMs: 1_000, observeMs: 250 }

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
          const { first } = await startProxied(server, 1, { storageWaitMs: 700 })
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
        const { first, log } = await startProxied(server, 1, { storageWaitMs: 60_000 })
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
      function loseTheAnswer({ proxy }: ProxiedNode, input: string): void {
        proxy.toServer = (data, link) => {
          link.server.write(data)
          if (!data.includes(input)) return
          proxy.isOpen = false
          proxy.toClient = (_answer, { cut }) => cut()
        }
      }

      it('that lost the answer is settled by itself, and the task is there once', async () => {
        const { first } = await startProxied(server, 1, { storageWaitMs: 60_000 })
        loseTheAnswer(first, 'answer-is-lost')
        const submitted = first.app.submit(work, 'answer-is-lost')
        await eventually(() => isAway(first))
        first.proxy.passAll()
        expect(await (await submitted).result()).toBe('answer-is-lost by 0')
        expect(await stored(first.app, 'work')).toEqual(['answer-is-lost'])
      })

      it('that lost the answer and stays is SUBMIT_OUTCOME_UNKNOWN, with the id to look for', async () => {
        const { first } = await startProxied(server, 1, { storageWaitMs: 700 })
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
      const { first, log } = await startProxied(server, 1, { storageWaitMs: 700 })
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

    const survivesHalfTheLease = (begin: (node: ProxiedNode) => void) => async () => {
      const during = gate()
      const after = gate()
      const aborted: string[] = []
      const { first, log } = await startProxied(server, 1, DEFAULT_TIMES, async (input, _node, signal) => {
        signal.addEventListener('abort', () => aborted.push(input))
        await (input.startsWith('during') ? during : after).opened
      })
      const inputs = ['after-1', 'after-2', 'during-1', 'during-2']
      const handles = await Promise.all(inputs.map((input) => first.app.submit(work, input)))
      await eventually(() => log.length === 4)
      // The next beat is due in a moment: most of what a lease leaves for others is gone. leases.test.ts has the very last moment.
      await untilBeatIs(first, 0.85 * DEFAULT_TIMES.heartbeatMs)
      begin(first)
      during.open()
      await pause(DEFAULT_TIMES.leaseMs / 2)
      first.proxy.passAll()
      await eventually(() => isWell(first))
      after.open()
      const results = await Promise.all(handles.map((handle) => handle.result()))
      expect(results).toEqual(inputs.map((input) => `${input} by 0`))
      expect(aborted).toEqual([])
      expect(log).toHaveLength(4)
      expect(await stored(first.app, 'proof')).toEqual(inputs)
      expect(named(first, 'task:lost')).toEqual([])
    }
    const andHandlers = 'leaves the handlers alone, and what they answer meanwhile is accepted'
    it(
      `of half the lease that is silence ${andHandlers}`,
      survivesHalfTheLease(({ proxy }) => proxy.hold()),
    )
    it(
      `of half the lease whose connections end ${andHandlers}`,
      survivesHalfTheLease(({ cut }) => cut()),
    )

    it('longer than the lease makes nobody be declared dead; each task is accepted once, in its order', async () => {
      const [leaseMs, heartbeatMs] = [4_000, 1_000]
      const isOver = gate()
      const options = { leaseMs, heartbeatMs, abandonAfterMs: 60_000 }
      const { first, second, nodes, log } = await startProxied(server, 2, options, async (input, _node, signal) => {
        if (input.startsWith('goes on')) return isOver.opened
        await Promise.race([isOver.opened, new Promise((resolve) => signal.addEventListener('abort', resolve))])
        signal.throwIfAborted()
      })
      const goingOn = ['goes on 0', 'goes on 1']
      const inputs = Array.from({ length: 24 }, (_, n) => `k${n % 6}-${Math.floor(n / 6)}`)
      const handles = []
      for (const [n, input] of goingOn.entries()) handles.push(await (nodes[n] as ProxiedNode).app.submit(work, input))
      for (const [n, input] of inputs.entries())
        handles.push(await (nodes[n % 2] as ProxiedNode).app.submit(work, input, { orderingKey: input.slice(0, 2) }))
      await eventually(() => log.length === 8)
      const ownerIds = nodes.map(({ app }) => app.health().ownerId)
      // The first has seen the last beat of the second.
      await untilBeatIs(second, heartbeatMs / 2)
      for (const node of nodes) node.cut()
      await eventually(() => nodes.every(isAway))
      await pause(1.1 * leaseMs)
      expect(nodes.map(({ app }) => app.health().ok)).toEqual([false, false])
      // The one that is back hears nothing of the other for a while: that counts from now, and not from before the outage.
      first.proxy.passAll()
      await pause(0.4 * leaseMs)
      expect(isWell(first)).toBe(true)
      expect(isWell(second)).toBe(false)
      second.proxy.passAll()
      await eventually(() => nodes.every(isWell))
      isOver.open()
      const results = await Promise.all(handles.map((handle) => handle.result()))
      expect(results.slice(0, 2)).toEqual(['goes on 0 by 0', 'goes on 1 by 1'])
      expect(results.slice(2).map((result) => result.split(' ')[0])).toEqual(inputs)
      expect(nodes.map(({ app }) => app.health().ownerId)).toEqual(ownerIds)
      for (const node of [first, second]) expect(named(node, 'owner:lost')).toEqual([])
      expect(await stored(second.app, 'proof')).toEqual([...goingOn, ...inputs].sort())
      const begun = log.map(({ input }) => input)
      expect(begun.filter((input) => input.startsWith('goes on')).sort()).toEqual(goingOn)
      for (let key = 0; key < 6; key++) {
        // The aborted ones began again before any of their successors did.
        const ofKey = begun.filter((input) => input.startsWith(`k${key}`))
        expect(ofKey).toEqual([...ofKey].sort())
      }
    })

    it.each([
      ['whose connections end', ({ cut }: ProxiedNode) => cut()],
      ['that only hears nothing any more', ({ proxy }: ProxiedNode) => proxy.hold()],
    ])('of one node %s hands its tasks to the other, and its late results do not count', async (_how, isolate) => {
      const late = gate()
      const signs: string[] = []
      // The other node takes over a moment after a lease; the one that is cut off has its last quarter to tell its handlers.
      const times = { leaseMs: 2_000, observeMs: 250 }
      const { first, second, log } = await startProxied(server, 2, times, async (input, node, signal) => {
        signs.push(`${input} begins on ${node}`)
        signal.addEventListener('abort', () => signs.push(`${input} is told to stop on ${node}`))
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
      for (const input of inputs) {
        const told = [`${input} begins on 0`, `${input} is told to stop on 0`, `${input} begins on 1`]
        expect(signs.filter((sign) => sign.startsWith(input))).toEqual(told)
      }
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
