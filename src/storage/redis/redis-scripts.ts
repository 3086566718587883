import { createHash } from 'node:crypto'

/**
 * What runs inside Redis. Every script is one round trip, sees one moment, and answers with the server's time first, as
 * two numbers: seconds and microseconds. `KEYS[1]` is always the meta key, so that a cluster finds the slot.
 */
export interface RedisScript {
  readonly text: string
  /** What EVALSHA calls it. */
  readonly sha: string
}

function script(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

const TIME = `
local time = redis.call('TIME')
`

/** A call with many arguments, in parts that fit on Lua's stack. */
const IN_PARTS = `
local function call(parts, ...)
  local fixed = {...}
  for from = 1, #parts, 1000 do
    local some = {unpack(fixed)}
    for i = from, math.min(from + 999, #parts) do some[#some + 1] = parts[i] end
    redis.call(unpack(some))
  end
end
local function mget(keys, first)
  local found = {}
  for from = first, #keys, 1000 do
    local some = redis.call('MGET', unpack(keys, from, math.min(from + 999, #keys)))
    for i = 1, #some do found[#found + 1] = some[i] end
  end
  return found
end
`

/**
 * Whether the store is of the layout that the caller knows. A store that lost its meta key (a server that came back
 * empty) is made anew: whatever it holds was written by somebody of this layout.
 * `ARGV[1]`: layout. `ARGV[2]`: structure. `ARGV[3]`: the fingerprint of the indexes.
 */
const KNOWN = `
local meta = redis.call('HMGET', KEYS[1], 'layout', 'structure')
if meta[1] == false then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'structure', ARGV[2], 'indexes', ARGV[3])
elseif tonumber(meta[1]) > tonumber(ARGV[1]) or tonumber(meta[2]) > tonumber(ARGV[2]) then
  return {time[1], time[2], 'newer', meta[1], meta[2]}
end
`

/**
 * Applies write sets, each whole or not at all.
 *
 * `KEYS[2..]`: one for each write. `ARGV[4]`: what begins every key. Then for each set its `notAfter` and how many writes
 * it has, and for each write what it expects and what it leaves. No record of one set is in another, so all guards are
 * read before anything is written, and what the sets leave is written together: the first command that writes is one
 * that a server without room or right refuses, and after it none is refused.
 *
 * Answers for each set 1, or why it was refused and what stands there.
 */
export const COMMIT = script(`${TIME}${KNOWN}${IN_PARTS}
local base = ARGV[4]
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = mget(KEYS, 2)

local function version_of(text)
  return string.sub(text, 1, string.find(text, '\\1\\n', 1, true) - 1)
end

local function members_of(text)
  local members = {}
  local at = string.find(text, '\\1\\n', 1, true) + 2
  while true do
    local first = string.byte(text, at)
    if first == 123 or first == 91 then return members end
    local space = string.find(text, ' ', at, true)
    local stop = string.find(text, '\\1\\n', space, true)
    members[string.sub(text, at, space - 1)] = string.sub(text, space + 1, stop - 1)
    at = stop + 2
  end
end

local left, deleted, removed, added = {}, {}, {}, {}
local function note(lists, name, member, score)
  local list = lists[name]
  if list == nil then list = {}; lists[name] = list end
  if score then list[#list + 1] = score end
  list[#list + 1] = member
end

local function leave(key, stands, text)
  local old, new = {}, {}
  if stands then old = members_of(stands) end
  if text == '' then
    deleted[#deleted + 1] = key
  else
    left[#left + 1] = key
    left[#left + 1] = text
    new = members_of(text)
  end
  for name, member in pairs(old) do
    if new[name] ~= member then note(removed, name, member) end
  end
  for name, member in pairs(new) do
    if old[name] ~= member then note(added, name, member, '0') end
  end
end

local function holds(stands, expect)
  if not stands then return expect == '' end
  return expect == '=' .. version_of(stands)
end

local function is_left(stands, text)
  if text == '=' then return true end
  if not stands then return text == '' end
  if text == '' then return false end
  return version_of(stands) == version_of(text)
end

local answer = {time[1], time[2], 'done'}
local write, at = 0, 5
while at <= #ARGV do
  local in_time = now <= tonumber(ARGV[at])
  local count = tonumber(ARGV[at + 1])
  at = at + 2
  local applies = in_time
  for i = 1, count do
    if not applies then break end
    applies = holds(found[write + i], ARGV[at + 2 * i - 2])
  end
  if applies then
    for i = 1, count do
      local text = ARGV[at + 2 * i - 1]
      if text ~= '=' then leave(KEYS[1 + write + i], found[write + i], text) end
    end
    answer[#answer + 1] = 1
  else
    local leaves, was_applied = false, true
    for i = 1, count do
      local text = ARGV[at + 2 * i - 1]
      if text ~= '=' then leaves = true end
      was_applied = was_applied and is_left(found[write + i], text)
    end
    if leaves and was_applied then
      answer[#answer + 1] = 1
    else
      local refused = {in_time and 'conflict' or 'late'}
      for i = 1, count do refused[1 + i] = found[write + i] end
      answer[#answer + 1] = refused
    end
  end
  write = write + count
  at = at + 2 * count
end

call(left, 'MSET')
for name, list in pairs(added) do call(list, 'ZADD', base .. 'index:' .. name) end
for name, list in pairs(removed) do call(list, 'ZREM', base .. 'index:' .. name) end
call(deleted, 'DEL')
return answer
`)

/** `KEYS[2..]`: records. Answers with each record's text, or nothing where there is none. */
export const READ = script(`${TIME}${IN_PARTS}
local answer = mget(KEYS, 2)
return {time[1], time[2], answer}
`)

/**
 * `KEYS[2]`: an index. `ARGV`: what begins the records' keys, the bounds, `asc` or `desc`, how many. Answers with ids and
 * records in turn. A member whose record is gone, which only a server that evicts can bring about, is passed over.
 */
export const QUERY = script(`${TIME}${IN_PARTS}
local prefix, min, max, order, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local function unescape(text)
  return (string.gsub(text, '\\1([\\2\\3])', function(mark) return mark == '\\2' and '\\0' or '\\1' end))
end
local function member_id(member)
  local part, rest = string.match(member, '([^%z]*)%z([^%z]*)$')
  if rest == '' then return unescape(part) end
  return unescape(string.sub(rest, 2))
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
  local records = mget(keys, 1)
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
 * Makes a store ready. `ARGV`: layout, structure, the fingerprint of the indexes, whether it may be changed, what begins
 * every key. First it does to a key of its own, inside this one script, all that the others do: a user who lacks a right
 * is told so now, and not in the middle of a commit. Answers `ready`; `fill`, when the indexes have to be made again
 * (older versions are kept out from now on); `newer` or `outdated`, with what was found.
 */
export const PREPARE = script(`${TIME}
local layout, structure, indexes, migrate = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local probe = ARGV[5] .. 'probe'
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
  return {time[1], time[2], state, meta[1], meta[2]}
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

/** `ARGV`: a cursor of SCAN, a pattern, about how many. Answers with the next cursor, then keys and records in turn. */
export const SCAN = script(`${TIME}${IN_PARTS}
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local answer = {time[1], time[2], page[1]}
local records = mget(page[2], 1)
for i = 1, #records do
  if records[i] then
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = records[i]
  end
end
return answer
`)

/** Ends a migration. `ARGV[1]`: the fingerprint of the indexes that are filled now. */
export const FILLED = script(`${TIME}
redis.call('HSET', KEYS[1], 'indexes', ARGV[1])
return {time[1], time[2]}
`)

/** What the server says of itself, section by section; empty where this user may not ask. */
export const ABOUT = script(`${TIME}
local function section(name)
  local text = redis.pcall('INFO', name)
  return type(text) == 'table' and '' or text
end
return {time[1], time[2], section('server'), section('memory'), section('persistence')}
`)
