import type PQueue from 'p-queue'

/** p-queue, once a coordinator has started. Importing it costs as much as a tenth of batuta, and nothing runs before. */
let Queue: typeof PQueue | undefined

/** Loads what runs handlers. Before the first of them: agents may be registered earlier, but nothing of them runs. */
export async function loadHandlerQueue(): Promise<void> {
  Queue ??= (await import('p-queue')).default
}

/** What runs the handlers of one instance: `slots` of them at a time. {@link loadHandlerQueue} comes first. */
export function handlerQueue(slots: number): PQueue {
  if (Queue === undefined) throw new Error('A handler was to run on a coordinator that was never started.')
  return new Queue({ concurrency: slots })
}
