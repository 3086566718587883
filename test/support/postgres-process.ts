import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** What to start. */
interface PostgresProcessOptions {
  /** The binary. */
  readonly postgres: string
  /** The folder of its files. */
  readonly data: string
  readonly port: number
  /** As `name=value`, besides those that every server of a test has. */
  readonly settings: readonly string[]
  /** What its log says when it takes connections. */
  readonly ready: string
  /** As whom it runs: not as root. */
  readonly user: { readonly uid?: number; readonly gid?: number }
}

/** A running server. It ends with this process at the latest. */
export class PostgresProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
    process.once('exit', this.#killAtExit)
  }

  /** Starts it, and waits until it takes connections. */
  static async start({ postgres, data, port, ready, ...options }: PostgresProcessOptions): Promise<PostgresProcess> {
    const settings = ['fsync=off', 'max_connections=60', 'unix_socket_directories=', ...options.settings]
    const flags = settings.flatMap((setting) => ['-c', setting])
    const child = spawn(postgres, ['-D', data, '-h', '127.0.0.1', '-p', `${port}`, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
      ...options.user,
    })
    const started = new PostgresProcess(child)
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-10_000)
        if (log.includes(ready)) resolve()
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`postgres ended with ${code}:\n${log}`)))
    })
    return started
  }

  /** Ends it: as a crash does, or `fast`, telling every client. */
  async end(how: 'crash' | 'fast'): Promise<void> {
    process.removeListener('exit', this.#killAtExit)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(how === 'crash' ? 'SIGQUIT' : 'SIGINT')
    await ended
  }

  readonly #killAtExit = (): void => void this.#child.kill('SIGQUIT')
}
