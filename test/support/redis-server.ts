import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './free-port.js'

/** The server to test with: of another version, or a Valkey. */
const BINARY = process.env.REDIS_SERVER_BINARY ?? 'redis-server'

/** Why there is no Redis server for tests; `undefined` when there is one. Under CI that is a failure, not a reason. */
export const whyNoRedis: string | undefined = findReason()
if (whyNoRedis !== undefined) console.warn(`Redis is not tested: ${whyNoRedis}.`)

function findReason(): string | undefined {
  try {
    execFileSync(BINARY, ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    const reason = `there is no ${BINARY} that runs`
    if (process.env.CI === 'true') throw new Error(`The tests of the Redis storage can't run: ${reason}.`)
    return reason
  }
}

/** A server of our own, on a free port, with its files in a folder of its own. */
export class RedisServer {
  readonly port: number
  /** Where it keeps its files. */
  readonly folder: string
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(port: number, folder: string, settings: readonly string[]) {
    this.port = port
    this.folder = folder
    this.#settings = settings
  }

  /** @param settings - as on the command line: `--appendonly yes`. Nothing is saved by default. */
  static async start(...settings: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'batuta-redis-')), settings)
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again on the same port and files, and waits until it answers. */
  async restart(): Promise<void> {
    const settings = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    const child = spawn(BINARY, [...settings, ...this.#settings], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = child
    process.once('exit', () => child.kill('SIGKILL'))
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (/Ready to accept connections/i.test(log)) resolve()
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${log}`)))
    })
  }

  /** Ends it as a crash does: what it had not yet written is lost. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Freezes it, or lets it go on: it holds its connections and answers nothing. */
  freeze(frozen: boolean): void {
    this.#process?.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Runs commands on a connection that ends with them. */
  async admin<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    // Without asking whether it is ready: some tests keep it busy.
    const redis = new Redis(this.url, { enableReadyCheck: false })
    try {
      return await work(redis)
    } finally {
      redis.disconnect()
    }
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
