import type { BusMessage } from '../../bus/bus.js'
import type { Run } from '../run.js'

/** A part that a handler wrote, as stored. */
export interface RawPart {
  readonly data: unknown
  readonly attempt: number
}

type Listener = (part: RawPart) => void

/** Who listens to what handlers write. Live, not durable: a part that nobody hears is kept by its run only. */
export class Streams {
  readonly #listeners = new Map<string, Set<Listener>>()

  /** Hears the parts of a task from now on; the answer stops it. */
  listen(taskId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(taskId) ?? new Set()
    this.#listeners.set(taskId, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(taskId)
    }
  }

  /** A handler of this node wrote a part. */
  written(run: Run, part: unknown): void {
    this.#tell(run.taskId, { data: part, attempt: run.number })
  }

  onHint(message: BusMessage): void {
    if (message.type === 'part') this.#tell(message.taskId, { data: message.part, attempt: message.attempt })
  }

  #tell(taskId: string, part: RawPart): void {
    for (const listener of this.#listeners.get(taskId) ?? []) listener(part)
  }
}

/**
 * The parts of a task: first what its current attempt has written, then as they come, until `ended` settles. Rejects with
 * what `ended` rejects with.
 */
export async function* streamOf(
  streams: Streams,
  taskId: string,
  run: Run | undefined,
  ended: Promise<unknown>,
): AsyncGenerator<RawPart, void, undefined> {
  const waiting: RawPart[] = (run?.parts ?? []).map((data) => ({ data, attempt: run?.number ?? 1 }))
  let wake = () => {}
  let end: { readonly error?: unknown } | undefined
  const stop = streams.listen(taskId, (part) => {
    waiting.push(part)
    wake()
  })
  ended.then(
    () => {
      end = {}
      wake()
    },
    (error: unknown) => {
      end = { error }
      wake()
    },
  )
  try {
    for (;;) {
      const part = waiting.shift()
      if (part !== undefined) yield part
      else if (end !== undefined) break
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    stop()
  }
  if (end !== undefined && 'error' in end) throw end.error
}
