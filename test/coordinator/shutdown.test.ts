import { createOrchestrator, defineAgent, defineTask, memoryStorage } from 'batuta'
import { describe, expect, it } from 'vitest'

/** A storage that takes a while, so that there is a moment between asking for a claim and having it. */
function slowStorage() {
  const storage = memoryStorage()
  const commit = storage.commit.bind(storage)
  storage.commit = async (sets) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return commit(sets)
  }
  return storage
}

describe('shutdown', () => {
  it.each([10_000, 0])('waits for a claim that is under way, with graceMs %d', async (graceMs) => {
    const child = defineTask('child')
    const parent = defineTask('parent')
    let running = 0
    let started = 0
    const agent = defineAgent('worker', {
      maxConcurrentTasks: 5,
      handlers: [
        parent.handler((_, ctx) => {
          ctx.submit(child)
        }),
        child.handler(async (_, ctx) => {
          started++
          running++
          await new Promise<void>((resolve) => {
            setTimeout(resolve, 60)
            ctx.signal.addEventListener('abort', () => resolve())
          })
          running--
        }),
      ],
    })
    const storage = slowStorage()
    const app = await createOrchestrator({ agents: [agent], storage })
    await app.run(parent)
    await app.shutdown({ graceMs })
    expect(running).toBe(0)
    const startedBefore = started
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect({ running, started }).toEqual({ running: 0, started: startedBefore })
  })
})
