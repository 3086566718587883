import { createConnection } from 'node:net'
import { expect, it } from 'vitest'
import { COMMIT } from '../../../src/storage/redis/redis-commit-script.js'
import type { Storage, WriteSet } from '../../../src/storage/storage.js'
import { RedisServer } from '../../support/redis-server.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, ids, leave, recovered, setOf } from '../asking.js'
import { describeRedis, opened } from './support.js'

const isCommit = (data: Buffer) => data.includes(COMMIT.sha)

/** How often the server has run a script. */
async function scripts(server: RedisServer): Promise<number> {
  const stats = await server.admin((redis) => redis.info('commandstats'))
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

describeRedis('a connection that is cut', [], (server) => {
  async function through(): Promise<{ proxy: TcpProxy; storage: Storage; close: () => Promise<void> }> {
    const proxy = await TcpProxy.start(server().port)
    const storage = await opened({ url: `redis://127.0.0.1:${proxy.port}` })
    await commit(storage, leave('first', {}))
    const close = async () => {
      await storage.close()
      await proxy.stop()
    }
    return { proxy, storage, close }
  }

  it.each([0, 1, 40, 200])(
    'after %i bytes of a commit: unknown, not written, and applied when sent again',
    async (bytes) => {
      const { proxy, storage, close } = await through()
      const write = leave('a', { at: 1, text: 'x'.repeat(300) })
      proxy.toServer = (data, link) => {
        if (!isCommit(data)) return void link.server.write(data)
        link.server.write(data.subarray(0, bytes), () => link.cut())
      }
      expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN', retryable: true })
      proxy.passAll()
      await recovered(storage)
      expect((await storage.read([write])).records).toEqual([undefined])
      expect(await commit(storage, write)).toEqual({ applied: true })
      expect(await ids(storage, 'times')).toEqual(['a'])
      await close()
    },
  )

  it.each([0, 1, 20])('after %i bytes of the answer: unknown, and applied when sent again', async (bytes) => {
    const { proxy, storage, close } = await through()
    const write = leave('a', { at: 1 })
    proxy.toServer = (data, link) => {
      link.server.write(data)
      if (isCommit(data)) {
        proxy.toClient = (answer, { client }) => void client.write(answer.subarray(0, bytes), () => link.cut())
      }
    }
    expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
    proxy.passAll()
    await recovered(storage)
    expect(await commit(storage, write)).toEqual({ applied: true })
    expect(await ids(storage, 'times')).toEqual(['a'])
    await close()
  })

  it('never makes the client send a commit again by itself', async () => {
    const { proxy, storage, close } = await through()
    const before = await scripts(server())
    proxy.toServer = (data, link) => {
      link.server.write(data)
      if (isCommit(data)) proxy.toClient = () => link.cut()
    }
    const sets = Array.from({ length: 400 }, (_, at) => setOf(leave(`i${at}`, { at })))
    expect(await failure(storage.commit(sets))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
    const after = await eventually(
      () => scripts(server()),
      (count) => count > before,
    )
    expect(after - before).toBeLessThanOrEqual(4)
    proxy.passAll()
    await eventually(
      () => storage.count('times', {}),
      (answer) => !(answer instanceof Error),
    )
    // What ran since then is our own count.
    expect((await scripts(server())) - after).toBeLessThanOrEqual(5)
    expect((await storage.commit(sets)).results.every((result) => result.applied)).toBe(true)
    await close()
  })

  it('while it is away, says so before anything is sent, and comes back by itself', async () => {
    const { proxy, storage, close } = await through()
    proxy.isOpen = false
    proxy.cutAll()
    const write = leave('a', { at: 1 })
    await eventually(
      () => failure(commit(storage, write)),
      (error) => error.code === 'STORAGE_UNAVAILABLE',
    )
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(await failure(storage.query('times', { limit: 1 }))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    proxy.passAll()
    await recovered(storage)
    expect(await commit(storage, write)).toEqual({ applied: true })
    await close()
  })

  it('by the server (CLIENT KILL) in a stream of commits loses and doubles nothing', async () => {
    const { storage, close } = await through()
    const acknowledged = new Set<string>()
    let isOver = false
    const killing = server().admin(async (redis) => {
      for (let i = 0; i < 10; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      }
      isOver = true
    })
    for (let n = 0; !isOver; n++) {
      const set = setOf(leave(`n${n}`, { at: n }), leave(`n${n}`, { at: n }, null, 'note'))
      await eventually(
        async () => (await storage.commit([set])).results[0],
        (result) => !(result instanceof Error) && result?.applied === true,
      )
      acknowledged.add(`n${n}`)
    }
    await killing
    await recovered(storage)
    expect((await ids(storage, 'times')).sort()).toEqual([...acknowledged].sort())
    expect((await ids(storage, 'notes')).sort()).toEqual([...acknowledged].sort())
    await close()
  })

  it('leaves a copy of a commit under way: it does no harm after the next write, nor after its time', async () => {
    const { proxy, storage, close } = await through()
    const copies: Buffer[] = []
    /** Sends a set whose request never arrives, and keeps the request. */
    const lose = async (set: WriteSet) => {
      proxy.toServer = (data, link) => {
        if (!isCommit(data)) return void link.server.write(data)
        copies.push(data)
        link.cut()
      }
      expect(await failure(storage.commit([set]))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
      proxy.passAll()
      await recovered(storage)
    }
    const deliver = async () => {
      const socket = createConnection(server().port, '127.0.0.1')
      socket.write(copies.pop() ?? '')
      await new Promise((resolve) => socket.once('data', resolve))
      socket.destroy()
    }
    const write = leave('a', { at: 1 })
    await lose(setOf(write))
    expect(await commit(storage, write)).toEqual({ applied: true })
    const next = leave('a', { at: 2 }, write.leave?.version ?? null)
    await commit(storage, next)
    await deliver()
    expect((await storage.read([next])).records[0]?.version).toBe(next.leave?.version)

    const late = leave('b', { at: 3 })
    const { now } = await storage.read([])
    await lose({ writes: [late], notAfter: now + 300 })
    await eventually(
      () => storage.read([]),
      (answer) => answer.now > now + 300,
    )
    await deliver()
    expect((await storage.read([late])).records).toEqual([undefined])
    expect(await ids(storage, 'times')).toEqual(['a'])
    await close()
  })
})

describeRedis('a server that stops answering', [], (server) => {
  it('is given up in time, and used again when it answers', async () => {
    const storage = await opened({ url: server().url, commandTimeoutMs: 200 })
    const write = leave('a', { at: 1 })
    await server().admin((redis) => redis.client('PAUSE', 1_000, 'ALL'))
    expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
    await recovered(storage)
    expect(await commit(storage, write)).toEqual({ applied: true })
    server().freeze(true)
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    server().freeze(false)
    await recovered(storage)
    expect(await ids(storage, 'times')).toEqual(['a'])
    await storage.close()
  })

  it('behind a connection that leads nowhere any more: another one is made at once', async () => {
    const proxy = await TcpProxy.start(server().port)
    const storage = await opened({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 200 })
    const dead = new Set<unknown>()
    proxy.toServer = (data, link) => {
      if (dead.size === 0) dead.add(link)
      if (!dead.has(link)) link.server.write(data)
    }
    const startedAt = performance.now()
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await recovered(storage)
    // ioredis by itself waits for 2 s until the other end has said goodbye.
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    await storage.close()
    await proxy.stop()
  })

  it('does not count a process that was busy itself', async () => {
    const storage = await opened({ url: server().url, commandTimeoutMs: 50 })
    const answer = commit(storage, leave('a', {}))
    const until = Date.now() + 300
    setImmediate(() => {
      while (Date.now() < until);
    })
    expect(await answer).toEqual({ applied: true })
    await storage.close()
  })

  it('and closes while nobody answers', async () => {
    const storage = await opened({ url: server().url })
    server().freeze(true)
    const asked = failure(storage.read([]))
    await storage.close()
    expect(await asked).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    server().freeze(false)
  })
})

describeRedis('a server that forgets its scripts', [], (server) => {
  it('is told them again, also in the middle of a commit of several', async () => {
    const storage = await opened({ url: server().url })
    await server().admin((redis) => redis.script('FLUSH'))
    const sets = Array.from({ length: 400 }, (_, at) => setOf(leave(`i${at}`, { at })))
    expect((await storage.commit(sets)).results.every((result) => result.applied)).toBe(true)
    await server().admin((redis) => redis.script('FLUSH'))
    expect((await storage.count('times', {})).count).toBe(400)
    await storage.close()
  })

  it('and came back empty: it works as a new one', async () => {
    const storage = await opened({ url: server().url })
    const write = leave('a', { at: 1 })
    await commit(storage, write)
    await server().admin((redis) => redis.flushall())
    expect(await commit(storage, leave('a', { at: 2 }, write.leave?.version ?? null))).toMatchObject({ applied: false })
    expect(await commit(storage, leave('b', { at: 3 }))).toEqual({ applied: true })
    expect(await ids(storage, 'times')).toEqual(['b'])
    await storage.close()
  })
})

describeRedis('a server that crashes', ['--appendonly', 'yes'], (server) => {
  it('keeps what it acknowledged, and only whole sets', async () => {
    const storage = await opened({ url: server().url })
    let acknowledged = -1
    for (let crash = 0; crash < 3; crash++) {
      const dying = new Promise((resolve) => setTimeout(resolve, 150)).then(() => server().kill())
      let isAway = false
      while (!isAway) {
        const first = acknowledged + 1
        const sets = Array.from({ length: 150 }, (_, i) => {
          const value = { at: first + i, text: 'x'.repeat(200) }
          return setOf(leave(`n${first + i}`, value), leave(`n${first + i}`, value, null, 'note'))
        })
        try {
          const { results } = await storage.commit(sets)
          expect(results.every((result) => result.applied)).toBe(true)
        } catch {
          isAway = true
          await dying
          await server().restart()
          await recovered(storage)
          // The sets of the last commit, each whole or not there; sent again they are all there.
          const { results } = await storage.commit(sets)
          expect(results.every((result) => result.applied)).toBe(true)
        }
        acknowledged += 150
      }
      const total = acknowledged + 1
      expect((await storage.count('ids', {})).count).toBe(Math.min(total, 10_000))
      expect((await storage.count('times', {})).count).toBe(Math.min(total, 10_000))
      expect((await storage.count('notes', {})).count).toBe(Math.min(total, 10_000))
      for (let from = 0; from < total; from += 1_000) {
        const keys = Array.from({ length: Math.min(1_000, total - from) }, (_, i) => `n${from + i}`)
        const items = (await storage.read(keys.map((id) => ({ kind: 'item', id })))).records
        const notes = (await storage.read(keys.map((id) => ({ kind: 'note', id })))).records
        expect(items.every((record) => record !== undefined)).toBe(true)
        expect(items.map((record) => record?.value)).toEqual(notes.map((record) => record?.value))
      }
    }
    await storage.close()
  }, 60_000)
})

describeRedis('a primary that changes', ['--repl-diskless-sync-delay', '0'], (server) => {
  it('is found again when the old one says that it is a replica', async () => {
    const proxy = await TcpProxy.start(server().port)
    const other = await RedisServer.start()
    await other.admin(async (redis) => {
      await redis.replicaof('127.0.0.1', server().port)
      await eventually(
        () => redis.info('replication'),
        (info) => /master_link_status:up/.test(String(info)),
      )
    })
    const storage = await opened({ url: `redis://127.0.0.1:${proxy.port}` })
    const write = leave('a', { at: 1 })
    await commit(storage, write)
    // The address leads to the new primary, while the connection that there is still ends at the old one.
    await other.admin(async (redis) => {
      await eventually(
        () => redis.dbsize(),
        (size) => size > 0,
      )
      await redis.replicaof('NO', 'ONE')
    })
    await server().admin((redis) => redis.replicaof('127.0.0.1', other.port))
    proxy.leadTo(other.port)
    const next = leave('a', { at: 2 }, write.leave?.version ?? null)
    expect(await failure(commit(storage, next))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await recovered(storage)
    expect(await commit(storage, next)).toEqual({ applied: true })
    await storage.close()
    await other.stop()
    await proxy.stop()
  })
})
