import { createHash } from 'node:crypto'

/**
 * What runs inside Redis. Every script is one round trip, sees one moment, and answers with the server's time first, as
 * two numbers: seconds and microseconds. `KEYS[1]` is always the meta key, so that a cluster finds the slot. Every key
 * that a script writes is in `KEYS`: while a cluster moves a slot, some of its keys are on either node, and a script is
 * refused before it runs if one of them is not where it runs.
 */
export interface RedisScript {
  readonly text: string
  /** What EVALSHA calls it. */
  readonly sha: string
}

/** A script, and the name by which the server knows it. */
export function script(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** The server's time. */
export const TIME = `
local time = redis.call('TIME')
`

/**
 * Reads many keys, in parts that fit on Lua's stack. The meta key, which is no string, goes with each: for a lone key that
 * is not there, the node that a slot is moving to would answer that there is none, though the other node may have it.
 */
export const MGET = `
local function mget(keys, first, last)
  local found = {}
  for from = first, last, 1000 do
    local some = redis.call('MGET', KEYS[1], unpack(keys, from, math.min(from + 999, last)))
    for i = 2, #some do found[#found + 1] = some[i] end
  end
  return found
end
`

/**
 * Which server answers, as long as it runs; nothing where this user may not ask. A cursor of SCAN means something to the
 * server that gave it, and one that took its place may lack what it was told last.
 */
export const SERVER = `
local about = redis.pcall('INFO', 'server')
local server = type(about) == 'string' and string.match(about, 'run_id:(%w+)') or ''
`
