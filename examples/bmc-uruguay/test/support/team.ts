import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStorage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { onTestFinished } from 'vitest'
import { type Bmc, type BmcOptions, createBmc } from '../../src/app.js'
import type { OutgoingMessage } from '../../src/channel.js'
import { type ChatReply, chat } from '../../src/chat.js'
import { phoneKey } from '../../src/domain/phone.js'
import type { ContactPreferences } from '../../src/preferences.js'
import type { AdminRow, QuoteSheet } from '../../src/sheet.js'

export const PHONE = '+59894000001'
/** One message that says everything. */
export const COMPLETE = 'Soy Ana Gómez, cotizar isodec 10x5 100mm'

/** A directory that is gone after the test. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bmc-uruguay-test-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A sheet in memory, whose `fail` decides whether an operation throws. */
export function memorySheet(fail: (operation: 'append' | 'rows') => boolean = () => false) {
  const rows: AdminRow[] = []
  const attempt = (operation: 'append' | 'rows') => {
    if (fail(operation)) throw new Error(`the sheet at /secret/path is away (${operation})`)
  }
  const sheet: QuoteSheet = {
    async append(row) {
      attempt('append')
      const at = rows.findIndex(({ Arg }) => Arg === row.Arg)
      if (at !== -1) return at + 2
      return rows.push(row) + 1
    },
    async rows() {
      attempt('rows')
      return [...rows]
    },
    async check() {
      attempt('rows')
    },
  }
  return { sheet, rows }
}

/** Preferences in memory. */
export function memoryPreferences(): ContactPreferences {
  const numbers = new Set<string>()
  return {
    isOptedOut: async (phone) => numbers.has(phoneKey(phone)),
    setOptedOut: async (phone, optedOut) => {
      if (optedOut) numbers.add(phoneKey(phone))
      else numbers.delete(phoneKey(phone))
    },
  }
}

/** What a test may replace. */
export type TeamOptions = Partial<Omit<BmcOptions, 'dataDir' | 'clock'>>

/**
 * The real team on a virtual clock, over one storage that outlives it. `run` is a process's life; between two of them
 * time can pass at no cost, since nobody is there to sleep.
 */
export class VirtualTeam {
  readonly clock: VirtualClock
  readonly outbox: { at: Date; message: OutgoingMessage }[] = []
  readonly rows: AdminRow[]
  readonly #options: BmcOptions

  /** @param start - local time in Montevideo, as `2026-11-23T10:00:00`. */
  constructor(start: string, options: TeamOptions = {}) {
    const clock = new VirtualClock({ startMs: new Date(`${start}-03:00`).getTime() })
    const { sheet, rows } = memorySheet()
    this.clock = clock
    this.rows = rows
    const channel = {
      send: async (message: OutgoingMessage) => void this.outbox.push({ at: new Date(clock.now()), message }),
    }
    this.#options = {
      dataDir: tmpdir(),
      storage: memoryStorage({ now: () => clock.now() }),
      preferences: memoryPreferences(),
      channel,
      sheet,
      ...options,
      clock,
    }
  }

  /** Starts the team, does something with it, and stops it. */
  async run<T>(body: (bmc: Bmc) => Promise<T>): Promise<T> {
    const work = this.alsoRun(body)
    await this.clock.runUntil(work)
    return work
  }

  /** The same inside a `run`: another node over the same storage. */
  async alsoRun<T>(body: (bmc: Bmc) => Promise<T>): Promise<T> {
    const bmc = await createBmc(this.#options)
    try {
      return await body(bmc)
    } finally {
      await bmc.orchestrator.shutdown()
    }
  }

  /** Sends messages one after the other, each by itself in a life of its own. */
  async say(...texts: string[]): Promise<ChatReply[]> {
    return this.run(async (bmc) => {
      const replies: ChatReply[] = []
      for (const text of texts) replies.push(await chat(bmc, { text, phone: PHONE }))
      return replies
    })
  }

  /** Time passes with nobody there; then the team starts, and does what has become due. */
  async sleepUntil(local: string): Promise<void> {
    await this.clock.advance(new Date(`${local}-03:00`).getTime() - this.clock.now())
    await this.run((bmc) => settled(bmc, this.clock))
  }

  /** The times at which something was sent, local. */
  get sentAt(): string[] {
    return this.outbox.map(({ at }) => new Date(at.getTime() - 3 * 3_600_000).toISOString().slice(0, 16))
  }
}

/** Resolves when nothing is left that would start within a minute. */
export async function settled({ orchestrator }: Bmc, clock: VirtualClock): Promise<void> {
  for (;;) {
    const { tasks } = await orchestrator.listTasks({ status: ['pending', 'running'] })
    const next = tasks.find(({ runAt }) => runAt === undefined || runAt.getTime() <= clock.now() + 60_000)
    if (next === undefined) return
    const task = await orchestrator.getTask(next.id)
    await task?.result().catch(() => undefined)
  }
}
