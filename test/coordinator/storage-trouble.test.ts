import { defineTask, type WriteSet } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { createOrchestrator, Orchestrator } from '../../src/index.js'
import { startApp } from '../support/app.js'
import { away, readOnly, refused, troubledStorage } from '../support/troubled-storage.js'

const isOf = (kind: string) => (sets: readonly WriteSet[]) =>
  sets.some(({ writes }) => writes.some((one) => one.kind === kind))

async function startTroubled(options: Parameters<typeof startApp>[0] = {}) {
  const clock = new VirtualClock()
  const troubled = troubledStorage(clock)
  const world = await startApp({ clock, storage: troubled.storage, ...options })
  return { ...world, ...troubled }
}

describe('submit, to a storage that is away,', () => {
  it('fails after storageWaitMs, however many wait before it: for room', async () => {
    const { app, clock, trouble } = await startTroubled({ storageWaitMs: 2_000 })
    trouble.of = away
    const outcomes = new Map<string, number>()
    const tell = (error: { code?: string }) => outcomes.set(error.code ?? '', (outcomes.get(error.code ?? '') ?? 0) + 1)
    for (let i = 0; i < 20_000; i++) void app.submit({ type: 'x' }).catch(tell)
    await clock.advance(4_500)
    expect([...outcomes]).toEqual([['STORAGE_UNAVAILABLE', 20_000]])
  })

  it('fails after storageWaitMs, however many wait before it: for their turn', async () => {
    const { app, clock, trouble } = await startTroubled({ storageWaitMs: 2_000 })
    trouble.of = away
    trouble.reads = away
    const codes: unknown[] = []
    for (let i = 0; i < 20; i++) void app.submit({ type: 'x', orderingKey: 'k' }).catch(({ code }) => codes.push(code))
    await clock.advance(4_500)
    expect(codes).toEqual(Array.from({ length: 20 }, () => 'STORAGE_UNAVAILABLE'))
  })

  it('fails after storageWaitMs, however many wait before it: for their turn, where no call is answered', async () => {
    const { app, clock, storage } = await startTroubled({ storageWaitMs: 5_000 })
    const hang = async (): Promise<never> => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 2_500))
      throw away()
    }
    Object.assign(storage, { commit: hang, read: hang, query: hang })
    const codes: unknown[] = []
    for (let i = 0; i < 20; i++) void app.submit({ type: 'x', orderingKey: 'k' }).catch(({ code }) => codes.push(code))
    await clock.advance(8_000)
    expect(codes).toEqual(Array.from({ length: 20 }, () => 'STORAGE_UNAVAILABLE'))
  })

  it('waits for room as long as it takes where the storage is only slow', async () => {
    const { app, clock, until, storage } = await startTroubled({ storageWaitMs: 500 })
    const { commit } = storage
    storage.commit = async (sets) => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 100))
      return commit(sets)
    }
    const submitted = Array.from({ length: 20_000 }, () => app.submit({ type: 'x' }))
    expect(await until(Promise.all(submitted), 60_000)).toHaveLength(20_000)
  })
})

describe('an outcome that the storage does not take', () => {
  const saysOutcome = (set: WriteSet) => /"outcome":"(completed|failed)"/.test(JSON.stringify(set))

  it('is written as soon as it takes it again', async () => {
    const { app, clock, until, trouble } = await startTroubled()
    app.agent('any', { handler: () => clock.setTimer(() => {}, 0) && 'done' })
    app.on('task:started', () => {
      trouble.of = readOnly
    })
    const task = await until(app.submit({ type: 'x' }))
    await clock.advance(1_500)
    expect((await until(task.snapshot())).status).toBe('running')
    trouble.of = undefined
    expect(await until(task.result(), 5_000)).toBe('done')
    expect((await until(task.snapshot())).attempts).toHaveLength(1)
  })

  it('and never will makes the attempt fail with what the storage said', async () => {
    const { app, until, failure, trouble } = await startTroubled({ retry: false })
    app.agent('any', { handler: () => 'too long for an index' })
    trouble.of = (sets) => (JSON.stringify(sets).includes('too long') ? refused() : undefined)
    const task = await until(app.submit({ type: 'x' }))
    expect(await failure(task.result())).toMatchObject({
      code: 'TASK_FAILED',
      attempts: [{ error: { code: 'STORAGE_REFUSED' } }],
    })
    expect(app.agents()[0]).toMatchObject({ inFlight: 0 })
  })

  it('in any form is tried again and again, and its handler never: an operator has to help', async () => {
    const { app, clock, until, trouble, names } = await startTroubled({ retry: false })
    let runs = 0
    app.agent('any', { handler: () => ++runs })
    trouble.of = (sets) => (sets.some(saysOutcome) ? refused() : undefined)
    const task = await until(app.submit({ type: 'x' }))
    await clock.advance(60_000)
    expect([runs, names('task:released'), (await until(task.snapshot())).status]).toEqual([1, [], 'running'])
    trouble.of = undefined
    await clock.advance(10_000)
    expect([runs, await until(task.snapshot())]).toMatchObject([
      1,
      { status: 'failed', attempts: [{ error: { code: 'STORAGE_REFUSED' } }] },
    ])
    expect(app.agents()[0]).toMatchObject({ inFlight: 0 })
  })

  it('in any form keeps nobody from shutting down', async () => {
    const { app, clock, until, trouble } = await startTroubled()
    app.agent('any', { handler: () => 'x' })
    trouble.of = (sets) => (sets.some(saysOutcome) ? refused() : undefined)
    await until(app.submit({ type: 'x' }))
    await clock.advance(15_000)
    await until(app.shutdown({ graceMs: 1_000 }), 10_000)
  })
})

describe('a set that the storage will never take', () => {
  it.each([
    ['it alone', refused],
    ['this user', () => Object.assign(away(), { retryable: false })],
  ])('is told to whoever sent it, and keeps nothing else from being written: refused for %s', async (_, error) => {
    const { app, clock, until, trouble } = await startTroubled()
    trouble.of = (sets) => (JSON.stringify(sets).includes('poison') ? error() : undefined)
    const inputs = ['a', 'poison', 'b']
    const outcomes = await until(Promise.allSettled(inputs.map((input) => app.submit({ type: 'x', input }))))
    const reason = { code: error().code, retryable: false }
    expect(outcomes).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason }, { status: 'fulfilled' }])
    await clock.advance(10_000)
    expect(app.health().storage.available).toBe(true)
  })
})

it('a delayed task that can not be promoted keeps no other waiting, nor one that is to expire', async () => {
  const { app, clock, until, trouble } = await startTroubled()
  app.agent('any', { handler: (input) => input })
  trouble.of = (sets) =>
    /poison.*"state":"ready"|"state":"ready".*poison/.test(JSON.stringify(sets)) ? refused() : undefined
  for (let i = 0; i < 150; i++) await until(app.submit({ type: 'x', input: 'poison', delayMs: 1_000 }))
  const good = await until(app.submit({ type: 'x', input: 'good', delayMs: 1_001 }))
  const late = await until(app.submit({ type: 'x', requires: ['nobody'], expiresAt: clock.now() + 2_000 }))
  await clock.advance(8_000)
  expect([(await until(good.snapshot())).status, (await until(late.snapshot())).status]).toEqual([
    'completed',
    'failed',
  ])
})

it('where the storage takes nothing, what is due is tried once a poll, and not all of it', async () => {
  const { app, clock, until, trouble } = await startTroubled()
  const work = defineTask<number, number, never, number, number, never>('work', {})
  const [first] = await until(
    app.submitMany(
      work,
      Array.from({ length: 1_000 }, (_, i) => i),
      { delayMs: 1_000 },
    ),
  )
  app.agent('any', { handlers: [work.handler((n) => n)] })
  let commits = 0
  trouble.of = () => {
    commits++
    return readOnly()
  }
  await clock.advance(11_000)
  expect(commits).toBeLessThan(3_000)
  trouble.of = undefined
  expect(first && (await until(first.result()))).toBe(0)
})

it('a claim that is answered when the lease may be over starts no work', async () => {
  const { app, clock, until, storage, names } = await startTroubled()
  const begun: boolean[] = []
  app.agent('any', {
    handler: (_, { signal }) => {
      begun.push(signal.aborted)
      signal.throwIfAborted()
      return 'done'
    },
  })
  const { commit } = storage
  let isSlow = true
  storage.commit = async (sets) => {
    const answer = await commit(sets)
    if (isSlow && isOf('task')(sets)) {
      isSlow = false
      await new Promise<void>((resolve) => clock.setTimer(resolve, 3_500))
    }
    return answer
  }
  const task = await until(app.submit({ type: 'x' }), 10_000)
  expect(await until(task.result(), 10_000)).toBe('done')
  expect(begun.filter((wasAborted) => !wasAborted)).toHaveLength(1)
  expect(names('task:released')).toHaveLength(1)
})

it('a session that is answered when the lease may be over starts no work', async () => {
  const { app, clock, until, storage, names } = await startTroubled()
  const begun: number[] = []
  app.agent('any', { handler: () => begun.push(clock.now()) })
  const { commit, read } = storage
  const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms))
  let readAt: number | undefined
  storage.read = async (keys) => {
    if (keys.some(({ kind }) => kind === 'session') && readAt === undefined) {
      // Its heartbeats are late by then, and its lease is not over.
      readAt = clock.now()
      await wait(2_500)
    }
    return read(keys)
  }
  storage.commit = async (sets) => {
    if (isOf('owner')(sets) && readAt !== undefined) await wait(readAt + 2_600 - clock.now())
    return commit(sets)
  }
  const task = await until(app.submit({ type: 'x', sessionId: 'ana' }), 10_000)
  await until(task.result(), 10_000)
  expect(names('task:released')).toHaveLength(1)
  expect(begun).toHaveLength(1)
})

describe('the life of a node', () => {
  it('ends in time though the storage is away and a beat is under way', async () => {
    const { app, clock, until, trouble } = await startTroubled()
    await clock.advance(500)
    trouble.of = away
    trouble.reads = away
    await clock.advance(2_500)
    await until(app.shutdown({ graceMs: 100 }), 30_000)
    expect(app.health().state).toBe('stopped')
  })

  it('does not begin where its agents could not be made known, and leaves nothing running', async () => {
    const clock = new VirtualClock()
    const { storage, trouble } = troubledStorage(clock)
    trouble.of = (sets) => (isOf('agent')(sets) ? away() : undefined)
    const app = new Orchestrator({ clock, storage, storageWaitMs: 1_000 })
    app.agent('ana', { handler: () => 1 })
    await expect(clock.runUntil(app.start())).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect([app.health().state, trouble.closed]).toEqual(['stopped', 1])
  })

  it('that could not begin may be shut down all the same: what shares its storage goes on', async () => {
    const clock = new VirtualClock()
    const { storage, trouble } = troubledStorage(clock)
    const first = await clock.runUntil(createOrchestrator({ clock, storage }))
    trouble.of = (sets) => (isOf('agent')(sets) ? refused() : undefined)
    const app = new Orchestrator({ clock, storage })
    app.agent('ana', { handler: () => 1 })
    await expect(clock.runUntil(app.start())).rejects.toMatchObject({ code: 'STORAGE_REFUSED' })
    await clock.runUntil(app.shutdown())
    expect(trouble.closed).toBe(1)
    if (first !== undefined) await clock.runUntil(first.shutdown())
  })

  it('that begins anew makes its agents known as soon as the storage takes them', async () => {
    const { app, clock, inner, trouble } = await startTroubled({ storageWaitMs: 1_000 })
    app.agent('ana', { handler: () => 1 })
    await clock.advance(500)
    trouble.of = (sets) => (isOf('agent')(sets) ? away() : undefined)
    const [record] = (await inner.query('owners', { limit: 1 })).records
    const gone = { kind: 'owner', id: record?.id ?? '', expect: record?.version ?? null, leave: null }
    await inner.commit([{ writes: [gone], notAfter: clock.now() + 1_000 }])
    await clock.advance(10_000)
    trouble.of = undefined
    await clock.advance(3_000)
    const { records } = await inner.query('agents', { prefix: [app.health().ownerId], limit: 5 })
    expect(records.map(({ value }) => (value as { agentId: string }).agentId)).toEqual(['ana'])
  })

  it('closes the storage only if it has opened it', async () => {
    const clock = new VirtualClock()
    const { storage, trouble } = troubledStorage(clock)
    const first = await clock.runUntil(createOrchestrator({ clock, storage }))
    const other = new Orchestrator({ clock, storage, pollMs: -1 })
    await expect(clock.runUntil(other.start())).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    await clock.runUntil(new Orchestrator({ clock, storage }).shutdown())
    expect(trouble.closed).toBe(0)
    if (first !== undefined) await clock.runUntil(first.shutdown())
    expect(trouble.closed).toBe(1)
  })

  it('that ends while it begins waits for nothing, closes the storage once that is open, and does not begin', async () => {
    const clock = new VirtualClock()
    const { storage, trouble } = troubledStorage(clock)
    const { open } = storage
    storage.open = async (schema) => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 500))
      return open(schema)
    }
    const app = new Orchestrator({ clock, storage })
    const started = app.start().catch(({ code }) => code)
    await clock.advance(100)
    const from = clock.monotonic()
    await clock.runUntil(app.shutdown())
    expect([clock.monotonic() - from, app.health().state, trouble.closed]).toEqual([0, 'stopped', 0])
    expect([await clock.runUntil(started), trouble.closed]).toEqual(['NOT_RUNNING', 1])
  })

  it('that ends while its agents are made known does not say that it has begun', async () => {
    const clock = new VirtualClock()
    const { storage } = troubledStorage(clock)
    const app = new Orchestrator({ clock, storage })
    app.agent('ana', { handler: () => 1 })
    const { commit } = storage
    let stopped: Promise<unknown> | undefined
    storage.commit = (sets) => {
      if (isOf('agent')(sets)) stopped ??= app.shutdown()
      return commit(sets)
    }
    expect(await clock.runUntil(app.start().catch(({ code }) => code))).toBe('NOT_RUNNING')
    await clock.runUntil(stopped ?? Promise.reject(new Error('nothing was made known')))
    expect(app.health().state).toBe('stopped')
  })
})

it('interrupting ends all of the key that came before, however many', async () => {
  const { app, clock, until } = await startApp()
  const work = defineTask<number, number, never, number, number, never>('work', {})
  const seen: number[] = []
  app.agent('any', { handlers: [work.handler(async (n) => seen.push(n))] })
  app.pause('any')
  for (let i = 0; i < 1_500; i += 100)
    await until(Promise.all(Array.from({ length: 100 }, (_, j) => app.submit(work, i + j, { orderingKey: 'k' }))))
  await until(app.submit(work, 9_999, { orderingKey: 'k', whenBusy: 'interrupt' }))
  app.resume('any')
  await clock.advance(5_000)
  expect(seen).toEqual([9_999])
})
