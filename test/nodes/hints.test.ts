import {
  type Bus,
  BusHub,
  defineAgent,
  defineTask,
  isBatutaError,
  type OrchestratorOptions,
  type Storage,
} from 'batuta'
import { describe, expect, it } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { temporaryFiles } from '../storage/sqlite/temporary.js'
import { gate } from '../support/app.js'
import { NEVER, startPair } from './pair.js'

const newPath = temporaryFiles()
const work = defineTask<string, string, never, string, string, never>('work', {})

/** One node that asks and one that works, over one file. */
async function startTwo(
  storageFor: (path: string) => Storage,
  options: OrchestratorOptions,
  busFor: () => Bus | undefined = () => undefined,
) {
  const path = newPath()
  const first = gate()
  const seen: string[] = []
  const agents = [
    defineAgent('ana', {
      handlers: [
        work.handler(async (input, ctx) => {
          if (input !== 'long') return input.toUpperCase()
          ctx.signal.addEventListener('abort', () => seen.push('aborted'))
          first.open()
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
          return 'late'
        }),
        talk.handler(async (_input, ctx) => {
          first.open()
          for (let i = 1; !ctx.signal.aborted && i <= 400; i++) {
            ctx.progress(i / 400, 'on it')
            await new Promise((resolve) => setTimeout(resolve, 5))
            if (seen.includes('progress')) break
          }
          return 'done'
        }),
      ],
    }),
  ]
  const common = () => ({ storage: storageFor(path), bus: busFor(), ...options })
  const { asking, working } = await startPair({ ...common(), tasks: [work, talk] }, { ...common(), agents })
  return { asking, working, begun: first.opened, seen }
}
const talk = defineTask<string, string, never, string, string, never>('talk', {})

/** What both must do for somebody who asks another node than the one that works. */
function crossing(start: () => ReturnType<typeof startTwo>) {
  it('tasks and results cross over', async () => {
    const { asking } = await start()
    // More than one, since a node that has seen a lane empty must look again.
    for (const text of ['one', 'two', 'three']) expect((await asking.run(work, text)).output).toBe(text.toUpperCase())
  }, 30_000)

  it('a cancel aborts the handler on the other node', async () => {
    const { asking, begun, seen } = await start()
    const task = await asking.submit(work, 'long')
    await begun
    expect(await task.cancel('no more')).toBe(true)
    const error = await task.result().catch((thrown: unknown) => thrown)
    expect(isBatutaError(error, 'TASK_CANCELLED')).toBe(true)
    while (!seen.includes('aborted')) await new Promise((resolve) => setTimeout(resolve, 5))
  }, 30_000)

  it('progress is told where somebody waits', async () => {
    const { asking, seen } = await start()
    asking.on('task:progress', ({ note }) => {
      expect(note).toBe('on it')
      seen.push('progress')
    })
    expect((await asking.run(talk, 'x')).output).toBe('done')
    expect(seen).toContain('progress')
  }, 30_000)
}

describe('two nodes over one SQLite file, by hints alone', () => {
  describe('on a hub', () => {
    crossing(() => {
      const hub = new BusHub()
      return startTwo(
        (path) => sqliteStorage({ path }),
        NEVER,
        () => hub.connect(),
      )
    })
  })
  describe('on the channel of their storage', () => {
    crossing(() => startTwo((path) => sqliteStorage({ path }), NEVER))
  })
})

describe('two nodes over one SQLite file, without hints', () => {
  crossing(() => startTwo((path) => sqliteStorage({ path, channel: false }), { pollMs: 100 }))
})
