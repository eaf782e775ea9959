-- Every script of the ledger begins with this.
--
-- KEYS  1 state    hash: what is not a row below
--       2 window   sorted set: query -> when it was put
--       3 flight   sorted set: grant -> since when
--       4 owners   sorted set: worker -> until when it counts as alive
--       5 retries  sorted set: retry -> when
-- ARGV  1 now, or empty: the server's clock  2 worker  3 limit (0: none)  4 its window in seconds
--       5 burst  6 its window in seconds
--
-- Times are Unix seconds. Whatever is read is taken for a number only after a look at it: these
-- keys may be lost, or written by somebody else.

local STATE, WINDOW, FLIGHT, OWNERS, RETRIES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local WORKER, LIMIT, BURST = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local LIMIT_SPAN, BURST_SPAN = tonumber(ARGV[4]), tonumber(ARGV[6])
local MINUTE, REST, LONGEST_PAUSE, KEEP = 60, 5, 300, 7200

local function number(text)
  local value = tonumber(text)
  if value == nil or value ~= value or math.abs(value) == math.huge then return 0 end
  return value
end

local function exact(seconds) return string.format('%.6f', seconds) end

local now = tonumber(ARGV[1])
if now == nil then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

local FIELDS = {
  'seen', 'paused', 'paused_at', 'throttled', 'failures', 'opened', 'closed', 'probe', 'reason',
}

local function load()
  local values = redis.call('HMGET', STATE, unpack(FIELDS))
  local state = {}
  for index, name in ipairs(FIELDS) do
    local text = values[index] or ''
    if name == 'probe' or name == 'reason' then state[name] = text else state[name] = number(text) end
  end
  return state
end

local function save(state)
  state.seen = now
  local flat = {}
  for _, name in ipairs(FIELDS) do
    local value = state[name]
    flat[#flat + 1] = name
    flat[#flat + 1] = type(value) == 'number' and exact(value) or value
  end
  redis.call('HSET', STATE, unpack(flat))
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, math.max(KEEP, math.ceil(LIMIT_SPAN) + MINUTE)) end
end

-- A clock that was set back takes everything with it: nothing is held for a day, nothing let go.
local function follow(state)
  local by = now - state.seen
  if by >= 0 then return end
  for _, key in ipairs({WINDOW, FLIGHT, OWNERS, RETRIES}) do
    local rows = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for index = 1, #rows, 2 do
      redis.call('ZADD', key, exact(number(rows[index + 1]) + by), rows[index])
    end
  end
  for _, name in ipairs({'paused', 'paused_at', 'opened', 'closed'}) do
    state[name] = state[name] + by
  end
  save(state)
end

local function alive()
  redis.call('ZADD', OWNERS, exact(now + REST), WORKER)
  redis.call('EXPIRE', OWNERS, KEEP)
end

-- Drop what is over, what its worker left behind, and what nobody of us can have written.
local function sweep(state)
  follow(state)
  alive()
  redis.call('ZREMRANGEBYSCORE', WINDOW, '-inf', '(' .. exact(now - math.max(LIMIT_SPAN, MINUTE)))
  redis.call('ZREMRANGEBYSCORE', WINDOW, '(' .. exact(now), '+inf')
  redis.call('ZREMRANGEBYSCORE', RETRIES, '-inf', '(' .. exact(now - MINUTE))
  redis.call('ZREMRANGEBYSCORE', OWNERS, '-inf', '(' .. exact(now))
  for _, grant in ipairs(redis.call('ZRANGE', FLIGHT, 0, -1)) do
    local worker = string.match(grant, '^(.-):') or ''
    if not redis.call('ZSCORE', OWNERS, worker) then redis.call('ZREM', FLIGHT, grant) end
  end
  if state.paused > now + LONGEST_PAUSE + 1 then state.paused = 0 end
  if state.closed > now + REST + 1 then state.closed = now end
end

-- Seconds until one more query fits; none, if it fits now.
local function room(state)
  local wait = math.max(state.paused - now, 0)
  if LIMIT == 0 then return wait end
  for _, rule in ipairs({{LIMIT, LIMIT_SPAN}, {BURST, BURST_SPAN}}) do
    local most, span = rule[1], rule[2]
    local row = redis.call('ZREVRANGE', WINDOW, most - 1, most - 1, 'WITHSCORES')
    if row[2] then wait = math.max(wait, number(row[2]) + span - now) end
  end
  return wait
end

