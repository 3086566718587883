import { MGET, SERVER, script, TIME } from './redis-script.js'

/** `KEYS[2..]`: records. Answers with each record's text, or nothing where there is none. */
export const READ = script(`${TIME}${MGET}
local answer = mget(KEYS, 2, #KEYS)
return {time[1], time[2], answer}
`)

/**
 * `KEYS[2]`: an index. `ARGV`: what begins the records' keys, the bounds, `asc` or `desc`, how many. Answers with ids and
 * records in turn. A member whose record is gone, which only a server that evicts can bring about, is passed over.
 */
export const QUERY = script(`${TIME}${MGET}
local prefix, min, max, order, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local function unescape(text)
  return (string.gsub(text, '\\1([\\2\\3])', function(mark) return mark == '\\2' and '\\0' or '\\1' end))
end
-- Both patterns are tried at the beginning only and find the last NUL from the end: the time is that of the length.
local function member_id(member)
  local key, rest = string.match(member, '^(.*)%z([^%z]*)$')
  if rest ~= '' then return unescape(string.sub(rest, 2)) end
  return unescape(string.match(key, '^.*%z(.*)$') or key)
end
local answer = {time[1], time[2]}
local missing = limit
while missing > 0 do
  local members
  if order == 'desc' then
    members = redis.call('ZREVRANGEBYLEX', KEYS[2], max, min, 'LIMIT', 0, missing)
  else
    members = redis.call('ZRANGEBYLEX', KEYS[2], min, max, 'LIMIT', 0, missing)
  end
  if #members == 0 then return answer end
  local ids, keys = {}, {}
  for i = 1, #members do
    ids[i] = member_id(members[i])
    keys[i] = prefix .. ids[i]
  end
  local records = mget(keys, 1, #keys)
  for i = 1, #members do
    if records[i] then
      answer[#answer + 1] = ids[i]
      answer[#answer + 1] = records[i]
      missing = missing - 1
    end
  end
  if order == 'desc' then max = '(' .. members[#members] else min = '(' .. members[#members] end
end
return answer
`)

/** The members of an index. `KEYS[2]`: that index. `ARGV`: the bounds, `asc` or `desc`, how many. */
export const MEMBERS = script(`${TIME}
local members
if ARGV[3] == 'desc' then
  members = redis.call('ZREVRANGEBYLEX', KEYS[2], ARGV[2], ARGV[1], 'LIMIT', 0, ARGV[4])
else
  members = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[4])
end
return {time[1], time[2], members}
`)

/** `KEYS[2]`: an index. `ARGV`: the bounds. */
export const COUNT = script(`${TIME}
return {time[1], time[2], redis.call('ZLEXCOUNT', KEYS[2], ARGV[1], ARGV[2])}
`)

/**
 * Makes a store ready. `KEYS[2]`: a key of its own. `ARGV`: layout, structure, the fingerprint of the indexes, whether it
 * may be changed. First it does to that key, inside this one script, all that the others do: a user who lacks a right
 * is told so now, and not in the middle of a commit. Answers `ready`; `fill`, when the indexes have to be made again
 * (older versions are kept out from now on); `newer` or `outdated`, with what was found; and which server says so.
 */
export const PREPARE = script(`${TIME}${SERVER}
local layout, structure, indexes, migrate = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local probe = KEYS[2]
redis.call('MSET', probe, '1')
redis.call('MGET', probe)
redis.call('DEL', probe)
redis.call('ZADD', probe, '0', 'a')
redis.call('ZRANGEBYLEX', probe, '-', '+', 'LIMIT', 0, 1)
redis.call('ZREVRANGEBYLEX', probe, '+', '-', 'LIMIT', 0, 1)
redis.call('ZLEXCOUNT', probe, '-', '+')
redis.call('ZREM', probe, 'a')
local meta = redis.call('HMGET', KEYS[1], 'layout', 'structure', 'indexes')
local function answer(state)
  return {time[1], time[2], state, meta[1], meta[2], server}
end
if meta[1] and (tonumber(meta[1]) > tonumber(layout) or tonumber(meta[2]) > tonumber(structure)) then
  return answer('newer')
end
if meta[1] == layout and meta[2] == structure and meta[3] == indexes then
  redis.call('HSET', KEYS[1], 'layout', layout)
  return answer('ready')
end
if migrate ~= '1' then return answer('outdated') end
redis.call('HSET', KEYS[1], 'layout', layout, 'structure', structure)
if meta[1] then return answer('fill') end
redis.call('HSET', KEYS[1], 'indexes', indexes, 'createdAt', time[1])
return answer('ready')
`)

/**
 * `KEYS[2]`: a key that there never is: for that, a node with a part of a moving slot refuses to tell of its part. `ARGV`: a
 * cursor of SCAN, a pattern, about how many. Answers with the server, the next cursor, then keys and records in turn.
 */
export const SCAN = script(`${TIME}${SERVER}${MGET}
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local answer = {time[1], time[2], server, page[1]}
local records = mget(page[2], 1, #page[2])
for i = 1, #records do
  if records[i] then
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = records[i]
  end
end
return answer
`)

/**
 * Ends a migration. `KEYS[2]`: as for SCAN. `ARGV`: the fingerprint of the indexes that are filled now, and the server that
 * filled them. Answers whether it is this one.
 */
export const FILLED = script(`${TIME}${SERVER}
if server ~= ARGV[2] then return {time[1], time[2], 0} end
redis.call('HSET', KEYS[1], 'indexes', ARGV[1])
return {time[1], time[2], 1}
`)

/** What the server says of itself, section by section; empty where this user may not ask. */
export const ABOUT = script(`${TIME}
local function section(name)
  local text = redis.pcall('INFO', name)
  return type(text) == 'table' and '' or text
end
return {time[1], time[2], section('server'), section('memory'), section('persistence')}
`)
