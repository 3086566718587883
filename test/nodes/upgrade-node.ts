import type { Orchestrator, OrchestratorOptions, Storage } from 'batuta'
import * as sources from 'batuta'
import { onTestFinished } from 'vitest'
import type { KeptBuild } from './kept-build.js'

/** The names that a node needs, of the sources or of a build that was kept. */
export type Version = Pick<KeptBuild, 'createOrchestrator' | 'defineAgent' | 'defineTask'>
export const NEWER: Version = sources

/** One start of a handler, as it saw itself. */
export interface Start {
  readonly by: string
  readonly id: string
  readonly attempt: number
  readonly input: number
}

/** What `work` does with an input: from 1,000 on it fails once, from 10,000 on it waits for its signal, unless `isPatient` is false. */
export const FAILS_ONCE = 1_000
export const ENDLESS = 10_000

/** Starts a node of one version, named, that writes down what it starts. Shut down after the test. */
export async function startNode(
  version: Version,
  name: string,
  storage: Storage,
  starts: Start[],
  options: OrchestratorOptions<string> = {},
  isPatient = true,
) {
  const aborted: string[] = []
  const work = version.defineTask<number, string, never, number, string, never>('work', {
    maxConcurrentTasks: 6,
    retry: { minDelayMs: 10, maxDelayMs: 10 },
  })
  const answer = version.defineTask<sources.MessageInput, string, never, sources.MessageInput, string, never>('answer')
  const agent = version.defineAgent('ana', {
    maxConcurrentTasks: 3,
    handlers: [
      work.handler(async (input, ctx) => {
        starts.push({ by: name, id: ctx.task.id, attempt: ctx.attempt, input })
        await new Promise<void>((resolve, reject) => {
          if (input < ENDLESS || !isPatient) setTimeout(resolve, 1 + (input % 5))
          ctx.signal.addEventListener('abort', () => {
            aborted.push(ctx.task.id)
            reject(ctx.signal.reason)
          })
        })
        if (input >= FAILS_ONCE && input < ENDLESS && ctx.attempt === 1) throw new Error('not the first time')
        return `${name} did ${input}`
      }),
      answer.handler(({ text }, ctx) => {
        const heard = [...(ctx.session.get<string[]>('heard') ?? []), text]
        ctx.session.set('heard', heard)
        return heard.join(' ')
      }),
    ],
  })
  const app: Orchestrator<string> = await version.createOrchestrator<string>({
    agents: [agent],
    storage,
    messages: { task: answer },
    pollMs: 200,
    // An endless task that is a breaker's probe would keep all others waiting.
    breaker: false,
    ...options,
  })
  onTestFinished(async () => void (await app.shutdown({ graceMs: 0 })))
  return { app, work, name, aborted, submit: (input: number, more = {}) => app.submit(work, input, more) }
}
