import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** What the processes of a chaos run write down, each line on disk before the work goes on. */
export type ChaosLine =
  /** A process is up, as this owner; or was declared dead and goes on as this one. */
  | { readonly t: 'owner'; readonly life: string; readonly owner: string; readonly at: number }
  /** `submit` resolved: from now on the task must not be lost. */
  | { readonly t: 'ack'; readonly n: number; readonly id: string }
  | { readonly t: 'cancelling'; readonly id: string }
  | { readonly t: 'cancelled'; readonly id: string; readonly accepted: boolean }
  | { readonly t: 'start'; readonly id: string; readonly attempt: number; readonly life: string; readonly at: number }
  /** A handler was left: by a result, an error, or because it was told to stop. */
  | { readonly t: 'end'; readonly id: string; readonly attempt: number; readonly life: string; readonly at: number }
  /** A process is certainly dead. */
  | { readonly t: 'killed'; readonly life: string; readonly at: number }
  /** A process stood still until it was let go on; inside a transaction, it kept a SQLite file locked for all. */
  | {
      readonly t: 'stopped'
      readonly life: string
      readonly from: number
      readonly until: number
      readonly keepsFile: boolean
    }
  /** A process that is about to end has so many handlers at once, when it gets as many tasks as it has slots. */
  | { readonly t: 'filled'; readonly life: string; readonly slots: number }
  /** A process saw its own commit end the task. */
  | { readonly t: 'ended'; readonly id: string; readonly status: string; readonly life: string }

/** Appends lines to a file, synced one by one. Several processes may append to one file. */
export class ChaosLog {
  readonly #fd: number

  constructor(path: string) {
    this.#fd = openSync(path, 'a')
  }

  write(line: ChaosLine): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`)
    fdatasyncSync(this.#fd)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** Every line written so far, in the order of the writes. */
export function readChaosLog(path: string): ChaosLine[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as ChaosLine)
}

/** The lines of one kind. */
export function ofKind<T extends ChaosLine['t']>(lines: readonly ChaosLine[], t: T): Extract<ChaosLine, { t: T }>[] {
  return lines.filter((line): line is Extract<ChaosLine, { t: T }> => line.t === t)
}
