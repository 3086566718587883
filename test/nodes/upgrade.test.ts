import { describe, expect, it, onTestFinished } from 'vitest'
import { LAYOUT, SCHEMA } from '../../src/storage/records.js'
import type { StoredRecord } from '../../src/storage/storage.js'
import { eventually } from '../storage/asking.js'
import { KEPT, keptBuild, keptLayout, whyNoneOf } from './kept-build.js'
import { ENDLESS, FAILS_ONCE, NEWER, type Start, startNode } from './upgrade-node.js'
import { type Store, storesForTests } from './upgrade-stores.js'

const whyNone = whyNoneOf(LAYOUT)
/** The newest that shares a store with the sources; else the newest of all. */
const VERSION = KEPT.find((version) => keptLayout(version) === LAYOUT) ?? KEPT[0] ?? ''
const STORES = storesForTests()

/** Tests with a store of each kind; skipped, with the reason in the name, where there is none or something else is missing. */
function describeStores(what: string, whyNot: string | undefined, define: (newStore: () => Store) => void): void {
  for (const { name, why: whyNoStore, newStore } of STORES) {
    const why = whyNot ?? whyNoStore
    const title = `${what} on ${name}${why === undefined ? '' : ` (${why})`}`
    describe.skipIf(why !== undefined)(title, { timeout: 60_000 }, () => define(newStore))
  }
}

describeStores(`a node of ${VERSION} and one of the sources`, whyNone, (newStore) => {
  async function pair() {
    const store = newStore()
    const starts: Start[] = []
    const older = await startNode(
      await keptBuild(VERSION),
      'older',
      await store.older(await keptBuild(VERSION)),
      starts,
    )
    const newer = await startNode(NEWER, 'newer', store.newer(), starts)
    await eventually(
      async () => (await Promise.all([older.app.status(), newer.app.status()])).map(({ owners }) => owners.length),
      (counts) => counts.every((count) => count === 2),
    )
    return { older, newer, starts, store }
  }
  type Node = Awaited<ReturnType<typeof pair>>['older']

  it('do every task once, in order within a key, whoever took it in and whoever waits', async () => {
    const { older, newer, starts } = await pair()
    const other = (node: Node) => (node === older ? newer : older)
    const results: Promise<unknown>[] = []
    const keyOf = new Map<string, string>()
    for (let n = 0; n < 200; n++) {
      const node = n % 2 === 0 ? older : newer
      const orderingKey = n % 4 < 2 ? `key ${n % 12}` : undefined
      const { id } = await node.submit(n, { orderingKey, delayMs: n % 10 === 7 ? 30 : undefined })
      if (orderingKey !== undefined && n % 10 !== 7) keyOf.set(id, orderingKey)
      results.push(
        other(node)
          .app.getTask(id, newer.work)
          .then((task) => task?.result()),
      )
    }
    const outputs = await Promise.all(results)
    expect(outputs.map((output) => Number(/\d+$/.exec(String(output))?.[0]))).toEqual(outputs.map((_, n) => n))
    expect(starts.map(({ input }) => input).sort((a, b) => a - b)).toEqual(outputs.map((_, n) => n))
    for (const node of [older, newer]) {
      expect(starts.filter(({ by }) => by === node.name).length).toBeGreaterThan(20)
    }
    for (const key of new Set(keyOf.values())) {
      const order = starts.filter(({ id }) => keyOf.get(id) === key).map(({ input }) => input)
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
  })

  it('go on with one conversation, answered in order', async () => {
    const { older, newer } = await pair()
    const nodes = [older, newer]
    const texts = Array.from({ length: 12 }, (_, n) => `m${n}`)
    const replies: Promise<{ reply: string }>[] = []
    for (const [n, text] of texts.entries()) {
      const message = { text, from: 'ana', messageId: text }
      const received = nodes[n % 2]?.app.processMessage(message)
      if (received !== undefined) replies.push(received)
      // The next one only when this one has its place.
      await eventually(
        () => newer.app.listTasks({ limit: 100 }),
        ({ tasks }) => tasks.length === n + 1,
      )
    }
    const answers = await Promise.all(replies)
    expect(answers.map(({ reply }) => reply)).toEqual(texts.map((_, n) => texts.slice(0, n + 1).join(' ')))
    // Sent again to the other one: the same answer.
    const again = await Promise.all(
      [0, 1].map((n) => nodes[1 - n]?.app.processMessage({ text: `m${n}`, from: 'ana', messageId: `m${n}` })),
    )
    expect(again.map((each) => each?.reply)).toEqual(['m0', 'm0 m1'])
  })

  it('retry, cancel, and know idempotency keys of one another', async () => {
    const { older, newer, starts } = await pair()
    const nodes = [older, newer]
    const failing = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (nodes[n % 2] as Node).submit(FAILS_ONCE + n)),
    )
    await Promise.all(
      failing.map(({ id }, n) => (nodes[(n + 1) % 2] as Node).app.getTask(id).then((task) => task?.result())),
    )
    for (const { id } of failing)
      expect(starts.filter((start) => start.id === id).map(({ attempt }) => attempt)).toEqual([1, 2])

    for (const [n, node] of nodes.entries()) {
      const idempotencyKey = `key ${n}`
      const [first, second] = [
        await node.submit(n, { idempotencyKey }),
        await (nodes[1 - n] as Node).submit(n, { idempotencyKey }),
      ]
      expect(second.id).toBe(first.id)
      await expect((nodes[1 - n] as Node).submit(5, { idempotencyKey })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    }

    // As many as run at once over both, so that each has some; each is cancelled through the other one.
    const endless = await Promise.all(Array.from({ length: 6 }, (_, n) => (nodes[n % 2] as Node).submit(ENDLESS + n)))
    const running = () => starts.filter(({ input }) => input >= ENDLESS)
    await eventually(running, (found) => found.length === 6)
    for (const { id, by } of running()) {
      expect(await (await (by === 'older' ? newer : older).app.getTask(id))?.cancel('enough')).toBe(true)
    }
    await eventually(
      () => older.aborted.length + newer.aborted.length,
      (count) => count === 6,
    )
    for (const { id } of endless) {
      for (const node of nodes) expect((await (await node.app.getTask(id))?.snapshot())?.status).toBe('cancelled')
    }
  })

  it('leave fields alone that only the other one knows', async () => {
    const store = newStore()
    const build = await keptBuild(VERSION)
    const storage = store.newer()
    const { now } = await storage.open(SCHEMA)
    onTestFinished(() => storage.close())
    // A node without agents takes in a task of a conversation, and fails it once.
    const taker = await startNode(NEWER, 'taker', store.newer(), [], { agents: [] })
    const { id } = await taker.submit(FAILS_ONCE, { orderingKey: 'k' })
    const reply = taker.app.processMessage({ text: 'hello', from: 'ana' })
    const found = (index: string, count: number) =>
      eventually(
        async () => (await storage.query(index, { limit: 10 })).records,
        (records) => records.length === count,
      )
    const [tasks, sessions] = [await found('listed', 2), await found('sessions', 1)]
    const turnIds = tasks.map(({ value }) => String((value as { turnKey?: string }).turnKey))
    const turns = (await storage.read(turnIds.map((id) => ({ kind: 'turn', id })))).records
    const all = [...tasks, ...sessions, ...turns].filter((record) => record !== undefined)
    expect(all.map(({ kind }) => kind)).toEqual(['task', 'task', 'session', 'turn', 'turn'])
    const coloured = ({ kind, value }: StoredRecord) => ({
      ...value,
      colour: 'blue',
      ...(kind === 'session' && { context: { heard: { value: [], version: 1, colour: 'red' } } }),
    })
    const { results } = await storage.commit(
      all.map((record, n) => {
        const { kind, id, version } = record
        const leave = { version: `newer.${n}`, value: coloured(record) }
        return { writes: [{ kind, id, expect: version, leave }], notAfter: now + 60_000 }
      }),
    )
    expect(results.map(({ applied }) => applied)).toEqual(all.map(() => true))

    const starts: Start[] = []
    const older = await startNode(build, 'older', await store.older(build), starts)
    await (await older.app.getTask(id))?.result()
    expect((await reply).reply).toBe('hello')
    expect(starts.map(({ attempt }) => attempt)).toEqual([1, 2])
    const { records } = await storage.read(all)
    expect(records[2]?.value).toMatchObject({ context: { heard: { value: ['hello'], version: 2, colour: 'red' } } })
    for (const [n, record] of records.entries()) {
      expect(record?.version).not.toBe(`newer.${n}`)
      expect(record?.value).toMatchObject({ colour: 'blue' })
    }
  })
})

describeStores('a node of an older layout number', undefined, (newStore) => {
  it('is told so, claims no more, and what it was doing is done by the newer one, once', async () => {
    const store = newStore()
    const build = await keptBuild(VERSION, LAYOUT - 1)
    const starts: Start[] = []
    const older = await startNode(build, 'older', await store.older(build), starts)
    const errors: unknown[] = []
    older.app.on('storage:unavailable', ({ error }) => errors.push(error))
    const done = await older.submit(1)
    expect(await done.result()).toBe('older did 1')
    const before = await Promise.all(Array.from({ length: 3 }, (_, n) => older.submit(ENDLESS + n)))
    await eventually(
      () => starts.length,
      (count) => count === 4,
    )
    const waiting = await older.submit(2)

    // The newer one migrates the store; there the same work comes to an end.
    const newer = await startNode(NEWER, 'newer', store.newer(), starts, {}, false)
    await expect(older.submit(3)).rejects.toMatchObject({
      code: 'STORAGE_NEWER',
      data: { found: LAYOUT, known: LAYOUT - 1 },
    })
    expect(errors).toMatchObject([{ code: 'STORAGE_NEWER' }])
    expect(older.app.health().ok).toBe(false)

    for (const { id } of [...before, waiting]) {
      expect(await (await newer.app.getTask(id))?.result()).toMatch(/^newer did/)
    }
    expect([...older.aborted].sort()).toEqual(before.map(({ id }) => id).sort())
    const more = await Promise.all(Array.from({ length: 20 }, (_, n) => newer.submit(n)))
    await Promise.all(more.map((task) => task.result()))
    expect(starts.filter(({ by }) => by === 'older')).toHaveLength(4)
    expect((await (await newer.app.getTask(done.id))?.snapshot())?.output).toBe('older did 1')
    await older.app.shutdown({ graceMs: 0 })

    const again = build.createOrchestrator({ storage: await store.older(build) })
    await expect(again).rejects.toMatchObject({ code: 'STORAGE_NEWER' })
  })
})
