import { MGET, script, TIME } from './redis-script.js'

/**
 * Whether the store is of a layout that the caller doesn't know. A store that lost its meta key (a server that came back
 * empty) is made anew: whatever it holds was written by somebody of this layout.
 * `ARGV[1]`: layout. `ARGV[2]`: structure. `ARGV[3]`: the fingerprint of the indexes.
 */
const KNOWN = `
local meta = redis.call('HMGET', KEYS[1], 'layout', 'structure')
local is_newer = false
if meta[1] == false then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'structure', ARGV[2], 'indexes', ARGV[3])
else
  is_newer = tonumber(meta[1]) > tonumber(ARGV[1]) or tonumber(meta[2]) > tonumber(ARGV[2])
end
`

/** Changes many fields of a key, or many keys, in parts that fit on Lua's stack. */
const CALL = `
local has_written = false
local function call(parts, ...)
  local fixed = {...}
  for from = 1, #parts, 1000 do
    local some = {unpack(fixed)}
    for i = from, math.min(from + 999, #parts) do some[#some + 1] = parts[i] end
    redis.call(unpack(some))
    has_written = true
  end
end
`

/**
 * Applies write sets, each whole or not at all.
 *
 * `KEYS[2..]`: one for each write, then the indexes of their kinds: all that this layout knows, so that a member may only be
 * left behind in one that nobody asks any more. `ARGV[4]`: what begins every key. `ARGV[5]`: how many indexes. Then for each
 * set its `notAfter` and how many writes it has, and for each write what it expects and what it leaves. No record of one
 * set is in another, so all guards are read before anything is written, and what the sets leave is written together: the
 * first command that writes is one that a server without room or right refuses.
 *
 * What can be refused after that is an index that is something else, or what the user lost the right to since the storage
 * was opened. All is undone then, and the refusal answered; `BROKEN` when undoing was refused too.
 *
 * Answers for each set 1, or why it was refused and what stands there; `newer`, and nothing is written, when one of them
 * was not applied before and the store is of a newer layout by now.
 */
export const COMMIT = script(`${TIME}${KNOWN}${MGET}${CALL}
local base = ARGV[4]
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = mget(KEYS, 2, #KEYS - tonumber(ARGV[5]))

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
local write, at = 0, 6
while at <= #ARGV do
  local in_time = now <= tonumber(ARGV[at])
  local count = tonumber(ARGV[at + 1])
  at = at + 2
  local applies = in_time and not is_newer
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
    elseif is_newer then
      return {time[1], time[2], 'newer', meta[1], meta[2]}
    else
      local refused = {in_time and 'conflict' or 'late'}
      for i = 1, count do refused[1 + i] = found[write + i] end
      answer[#answer + 1] = refused
    end
  end
  write = write + count
  at = at + 2 * count
end

-- What is done to indexes, as what takes it back.
local done = {}
local is_done, problem = pcall(function()
  call(left, 'MSET')
  for name, list in pairs(added) do
    local key = base .. 'index:' .. name
    call(list, 'ZADD', key)
    done[#done + 1] = {'ZREM', key, list}
  end
  for name, list in pairs(removed) do
    local key = base .. 'index:' .. name
    call(list, 'ZREM', key)
    done[#done + 1] = {'ZADD', key, list}
  end
  call(deleted, 'DEL')
end)
if is_done then return answer end
if has_written then
  local changed, stood, made = {}, {}, {}
  for i = 1, #left, 2 do changed[left[i]] = true end
  for i = 1, #deleted do changed[deleted[i]] = true end
  for i = 1, #found do
    local key = KEYS[1 + i]
    if changed[key] and found[i] then
      stood[#stood + 1] = key
      stood[#stood + 1] = found[i]
    elseif changed[key] then
      made[#made + 1] = key
    end
  end
  local undone = pcall(call, stood, 'MSET')
  undone = pcall(call, made, 'DEL') and undone
  for i = 1, #done do
    local command, key, list = unpack(done[i])
    -- The scores in a list of added members are no members; one of removed members has none.
    if command == 'ZADD' then
      local scored = {}
      for j = 1, #list do
        scored[2 * j - 1] = '0'
        scored[2 * j] = list[j]
      end
      list = scored
    end
    undone = pcall(call, list, command, key) and undone
  end
  if not undone then
    return redis.error_reply('BROKEN ' .. (type(problem) == 'table' and problem.err or problem))
  end
end
error(problem, 0)
`)
