import { execFileSync } from 'node:child_process'
import { MongoClient } from 'mongodb'
import { MongoBinary, MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core'

/** A server that somebody else runs and that tests may use: a replica set. */
const givenUrl = process.env.MONGODB_URL
// The binary's version is ours to choose; the package warns about every one but its default.
process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'

/** Why there is no MongoDB server for tests; `undefined` when there is one. Under CI that is a failure, not a reason. */
export const whyNoMongodb: string | undefined = await findReason()
if (whyNoMongodb !== undefined) console.warn(`MongoDB is not tested: ${whyNoMongodb}.`)

/** The same for tests that break the server: one that was given is not theirs to break. */
export const whyNoFaults: string | undefined = whyNoMongodb ?? (givenUrl && 'the server of MONGODB_URL is not ours')

/**
 * The binary: `MONGOMS_SYSTEM_BINARY`, or mongod on PATH, or what mongodb-memory-server downloads. `BATUTA_NO_MONGODB`
 * tells why there can be none, and then it is no failure under CI.
 */
async function findReason(): Promise<string | undefined> {
  if (givenUrl !== undefined || process.env.MONGOMS_SYSTEM_BINARY !== undefined) return undefined
  const onPath = mongodOnPath()
  if (onPath !== undefined) {
    process.env.MONGOMS_SYSTEM_BINARY = onPath
    return undefined
  }
  if (process.env.BATUTA_NO_MONGODB) return process.env.BATUTA_NO_MONGODB
  try {
    await MongoBinary.getPath()
    return undefined
  } catch (error) {
    const reason = `there is no mongod: not on PATH, not in MONGOMS_SYSTEM_BINARY, and it can't be fetched (${error})`
    if (process.env.CI === 'true') throw new Error(`The tests of the MongoDB storage can't run: ${reason}`)
    return reason
  }
}

function mongodOnPath(): string | undefined {
  try {
    return execFileSync('which', ['mongod'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

/** What a fail point does to the next commands of these names. */
export interface Failure {
  readonly failCommands: readonly string[]
  readonly closeConnection?: boolean
  readonly errorCode?: number
  readonly errorLabels?: readonly string[]
  readonly blockConnection?: boolean
  readonly blockTimeMS?: number
  readonly writeConcernError?: object
}

/** A replica set of one member, of our own unless `MONGODB_URL` names one. */
export class MongodbServer {
  readonly uri: string
  /** The port of the only member. */
  readonly port: number
  /** For tests to look around with. */
  readonly client: MongoClient
  readonly #server: MongoMemoryReplSet | undefined

  private constructor(uri: string, port: number, server: MongoMemoryReplSet | undefined) {
    this.uri = uri
    this.port = port
    this.#server = server
    this.client = new MongoClient(uri)
  }

  /** Starts one, whose commands can be made to fail, or goes to the one that is given. */
  static async start(): Promise<MongodbServer> {
    if (givenUrl !== undefined)
      return new MongodbServer(givenUrl, Number(/:(\d+)/.exec(givenUrl)?.[1] ?? 27_017), undefined)
    const server = await MongoMemoryReplSet.create({
      replSet: { count: 1, storageEngine: 'wiredTiger', args: ['--setParameter', 'enableTestCommands=1'] },
    })
    return new MongodbServer(server.getUri(), server.servers[0]?.instanceInfo?.port ?? 0, server)
  }

  /** Makes the next so many commands of the storage fail, or all after so many; those of the test itself pass. */
  async fail(which: number | { readonly skip: number }, failure: Failure): Promise<void> {
    const mode = typeof which === 'number' ? { times: which } : which
    const data = { ...failure, appName: 'batuta' }
    await this.client.db('admin').command({ configureFailPoint: 'failCommand', mode, data })
  }

  /** Lets every command pass again. */
  async heal(): Promise<void> {
    await this.client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
  }

  /** Makes the primary step down for so many seconds; with one member there is none meanwhile. */
  async stepDown(seconds: number): Promise<void> {
    await this.client.db('admin').command({ replSetStepDown: seconds, secondaryCatchUpPeriodSecs: 0, force: true })
  }

  /** Ends it, and what it kept. */
  async stop(): Promise<void> {
    await this.client.close()
    await this.#server?.stop()
  }
}

/** Starts a server that is no member of a replica set. */
export async function startStandalone(): Promise<{ readonly uri: string; stop(): Promise<unknown> }> {
  const server = await MongoMemoryServer.create({ instance: { storageEngine: 'wiredTiger' } })
  return { uri: server.getUri(), stop: () => server.stop() }
}
