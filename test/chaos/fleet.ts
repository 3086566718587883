import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from '../../scripts/entry-points.js'
import { seededRandom } from '../../src/internal/random.js'
import type { WorkerBundle } from './bundle.js'
import { ChaosLog } from './chaos-log.js'
import { isKeptLocked } from './file-lock.js'
import type { Evidence } from './judge.js'
import type { StoreAddress } from './stores.js'
import type { WorkerSettings } from './worker.js'

/** A run of processes that are killed, and what it leaves behind. */
export interface FleetOptions {
  /** The bundled worker, and the adapter of its storage. */
  readonly bundle: Pick<WorkerBundle, 'script' | 'adapter'>
  /** Default: a SQLite file of its own. The place must be empty. */
  readonly store?: Pick<StoreAddress, 'storage' | 'url'> | undefined
  readonly seed: number
  readonly tasks: number
  /** Processes at the same time. */
  readonly nodes: number
  readonly leaseMs?: number | undefined
  readonly durationMs?: number | undefined
  /** How far the wall clocks of the processes are off, in turn. Default: not at all. */
  readonly skewsMs?: readonly number[] | undefined
}

/** When a random kill or stall happens. */
export interface KillOptions {
  readonly kills: number
  /** Longest life of a process that is up, in milliseconds; the moment of the kill is drawn evenly. */
  readonly longestLifeMs: number
  /** The share of kills that strike while a process starts. Default 0.15. */
  readonly duringStart?: number | undefined
  /** The share of processes that are stopped for longer than their lease, and go on, before they are killed. Default 0. */
  readonly stops?: number | undefined
}

/** Files and processes of one chaos run. */
export class Fleet {
  readonly directory = mkdtempSync(join(tmpdir(), 'batuta-chaos-'))
  readonly store: StoreAddress
  readonly log = join(this.directory, 'chaos.log')
  readonly #lines = new ChaosLog(this.log)
  readonly #children = new Set<ChildProcess>()
  #lives = 0
  kills = 0
  stops = 0

  constructor(private readonly options: FleetOptions) {
    const { storage, url } = options.store ?? { storage: 'sqlite', url: join(this.directory, 'chaos.db') }
    this.store = { storage, url, module: options.bundle.adapter }
  }

  /** What the judge has to go by. */
  get evidence(): Evidence {
    const { store, log } = this
    const { seed, tasks, nodes } = this.options
    return { store, log, seed, tasks, nodes }
  }

  /** Starts one process; `up` resolves when it works. */
  start(part: number, quota: number, isLast = false): Worker {
    const { bundle, seed, tasks, nodes, leaseMs, durationMs, skewsMs } = this.options
    const life = `life-${++this.#lives}`
    const { store, log } = this
    const settings: WorkerSettings = {
      life,
      store,
      log,
      seed,
      tasks,
      part,
      parts: nodes,
      quota,
      isLast,
      leaseMs,
      durationMs,
      skewMs: skewsMs?.[part % skewsMs.length],
    }
    // Its standard error is ours: what a worker has to complain about must be seen.
    const child = spawn(process.execPath, [bundle.script, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: root,
    })
    this.#children.add(child)
    const exited = once(child, 'exit').then(() => void this.#children.delete(child))
    return new Worker(life, child, exited)
  }

  /** Kills processes at random moments, stops some before, and starts them again, `kills` times in all; then lets all finish. */
  async disturb(options: KillOptions): Promise<void> {
    const { nodes, tasks } = this.options
    // Enough that the last task is submitted at about the last kill.
    const quota = Math.ceil((1.2 * tasks) / (options.kills + nodes))
    let left = options.kills
    const slots = Array.from({ length: nodes }, async (_, part) => {
      const random = seededRandom(this.options.seed * 31 + part)
      while (left > 0) {
        left--
        await this.#killOnce(this.start(part, quota), options, () => random.next())
      }
      if (nodes > 1) await this.#finish(this.start(part, quota))
    })
    await Promise.all(slots)
    await this.#finishLast()
  }

  async #killOnce(worker: Worker, options: KillOptions, draw: () => number): Promise<void> {
    const strikesEarly = draw() < (options.duringStart ?? 0.15)
    const momentMs = draw() * (strikesEarly ? 400 : options.longestLifeMs)
    if (!strikesEarly) await worker.up
    await pause(momentMs)
    if (!strikesEarly && draw() < (options.stops ?? 0)) await this.#stopFor(worker, (1.2 + draw()) * this.#leaseMs)
    await this.kill(worker)
  }

  get #leaseMs(): number {
    return this.options.leaseMs ?? 3_000
  }

  /** Stops it for a while, and lets it go on for half a lease. */
  async #stopFor(worker: Worker, ms: number): Promise<void> {
    const from = Date.now()
    worker.signal('SIGSTOP')
    const keepsFile = this.store.storage === 'sqlite' && (await isKeptLocked(this.store.url))
    await pause(ms - (Date.now() - from))
    worker.signal('SIGCONT')
    this.stops++
    this.#lines.write({ t: 'stopped', life: worker.life, from, until: Date.now(), keepsFile })
    await pause(this.#leaseMs / 2)
  }

  /** Kills a process with SIGKILL; answers the moment. */
  async kill(worker: Worker): Promise<number> {
    if (worker.hasEnded) throw new Error(`${worker.life} ended by itself with ${worker.exitCode}`)
    const at = Date.now()
    worker.signal('SIGKILL')
    await worker.exited
    this.kills++
    this.#lines.write({ t: 'killed', life: worker.life, at })
    return at
  }

  async #finish(worker: Worker): Promise<void> {
    worker.finish()
    await worker.exited
    if (worker.exitCode !== 0) throw new Error(`${worker.life} ended with ${worker.exitCode}`)
  }

  /** Lets these processes finish all that there is, and waits until nothing of any is left. */
  async finishAll(workers: readonly Worker[]): Promise<void> {
    await Promise.all(workers.map((worker) => this.#finish(worker)))
    await this.#finishLast()
  }

  /** A last process, alone, buries the dead. */
  #finishLast(): Promise<void> {
    return this.#finish(this.start(0, this.options.tasks, true))
  }

  /** Ends whatever still runs. The files go too, unless they are to be looked at. */
  dispose(keepFiles = false): void {
    for (const child of this.#children) child.kill('SIGKILL')
    this.#lines.close()
    if (!keepFiles) rmSync(this.directory, { recursive: true, force: true })
  }
}

/** One process of a fleet. */
export class Worker {
  /** Resolves when its orchestrator runs. */
  readonly up: Promise<void>

  constructor(
    readonly life: string,
    private readonly child: ChildProcess,
    readonly exited: Promise<void>,
  ) {
    const { stdout } = child
    if (stdout === null) throw new Error('a worker has no standard output')
    this.up = Promise.race([once(stdout, 'data').then(() => undefined), exited])
    // Written to after its death: that is no news.
    child.stdin?.on('error', () => undefined)
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  get exitCode(): number | null {
    return this.child.exitCode
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal)
  }

  /** Tells it to submit what is left, wait for the end of everything, and end. */
  finish(): void {
    this.child.stdin?.write('finish\n')
  }
}
