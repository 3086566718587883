import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import type { RedisConnection } from './redis-connection.js'
import type { RedisSettings, RedisWarning } from './redis-options.js'
import type { RedisNames } from './redis-record.js'
import { ABOUT } from './redis-scripts.js'

/** The oldest server whose commands suffice. */
const OLDEST: readonly [major: number, minor: number] = [6, 2]

/** What the server says of itself; `undefined` where this user may not ask. */
interface About {
  readonly version: string | undefined
  readonly evicts: string | undefined
  readonly hasLog: boolean | undefined
  readonly snapshots: string | undefined
}

/**
 * Looks at the server before anything is entrusted to it, and says what an operator should know.
 * @throws STORAGE_UNSUITABLE when it is too old, or may evict and `allowEviction` is off.
 */
export async function checkServer(
  connection: RedisConnection,
  names: RedisNames,
  settings: RedisSettings,
): Promise<void> {
  const about = await ask(connection, names)
  if (about.version !== undefined && !isNewEnough(about.version)) {
    throw unsuitable('redis_version', about.version, `${OLDEST.join('.')} or later`, 'Use a newer server.')
  }
  if (about.evicts !== undefined && about.evicts !== 'noeviction' && !settings.allowEviction) {
    const fix =
      'Set maxmemory-policy to noeviction: a server that evicts forgets tasks. Where it can not be set and is one of the ' +
      'volatile-* policies, allowEviction: true is safe, since keys of batuta never expire.'
    throw unsuitable('maxmemory-policy', about.evicts, 'noeviction', fix)
  }
  for (const warning of warningsOf(about)) settings.onWarning(warning)
}

function unsuitable(setting: string, found: string, needed: string, fix: string): BatutaError<'STORAGE_UNSUITABLE'> {
  return new BatutaError('STORAGE_UNSUITABLE', `The Redis server has ${setting} ${found}; needed is ${needed}.`, {
    data: { storage: 'redis', setting, found, needed },
    fix,
  })
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

/** What the owner of the data should know about this server. */
function warningsOf({ evicts, hasLog, snapshots }: About): RedisWarning[] {
  const warnings: RedisWarning[] = []
  const warn = (code: RedisWarning['code'], message: string) => warnings.push({ code, message: `batuta: ${message}` })
  if (evicts !== undefined && evicts !== 'noeviction') {
    warn('REDIS_MAY_EVICT', `Redis has maxmemory-policy ${evicts}: when it is full it may forget tasks.`)
  }
  if (hasLog === false && snapshots === '') {
    warn('REDIS_NOT_PERSISTENT', 'Redis saves nothing to disk: a restart of it forgets every task. Set appendonly yes.')
  } else if (hasLog === false && snapshots !== undefined) {
    warn(
      'REDIS_ONLY_SNAPSHOTS',
      'Redis saves only snapshots: a crash of it forgets the last minutes. Set appendonly yes.',
    )
  }
  if (evicts === undefined || hasLog === undefined || (!hasLog && snapshots === undefined)) {
    const what = 'this user may not read what Redis does about eviction and persistence (INFO, CONFIG GET save).'
    warn('REDIS_SETTINGS_UNKNOWN', `${what} Make sure of maxmemory-policy noeviction and appendonly yes.`)
  }
  return warnings
}

async function ask(connection: RedisConnection, names: RedisNames): Promise<About> {
  const [, , ...sections] = await connection.run('reads', ABOUT, [names.meta], [])
  const info = sections.join('\n')
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const log = field('aof_enabled')
  return {
    version: field('redis_version'),
    evicts: field('maxmemory_policy') ?? (await configured(connection, 'maxmemory-policy')),
    hasLog: log === undefined ? undefined : log === '1',
    snapshots: log === '1' ? undefined : await configured(connection, 'save'),
  }
}

/** A setting, or `undefined` where CONFIG is not there or not allowed, as on managed servers. */
async function configured(connection: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const answer = await connection.call('reads', 'CONFIG', ['GET', name])
    return Array.isArray(answer) && typeof answer[1] === 'string' ? answer[1] : undefined
  } catch (error) {
    if (isBatutaError(error) && error.retryable) throw error
    return undefined
  }
}
