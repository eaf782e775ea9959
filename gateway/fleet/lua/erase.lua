-- KEYS  1 journal: hash of an epoch and the number of the last entry
--       2 entries: stream, numbered without a gap
--       3 master  4 tombstone
-- ARGV  1 contact  2 publisher  3 a fresh epoch  4 most entries  5 milliseconds of the tombstone
-- Returns nothing.

local JOURNAL, ENTRIES = KEYS[1], KEYS[2]

local function begin()
  redis.call('DEL', JOURNAL, ENTRIES)
  redis.call('HSET', JOURNAL, 'epoch', ARGV[3])
end

local function append()
  local number = redis.pcall('HINCRBY', JOURNAL, 'last', 1)
  if type(number) ~= 'number' then return number end
  local id = string.format('%d-0', number)
  return redis.pcall('XADD', ENTRIES, 'MAXLEN', '=', ARGV[4], id, 'contact', ARGV[1], 'by', ARGV[2])
end

redis.call('DEL', KEYS[3])
if not redis.call('HGET', JOURNAL, 'epoch') then begin() end
local added = append()
if type(added) == 'table' and added.err then
  -- One of the two was lost or changed: a new epoch tells every reader to drop everything.
  begin()
  append()
end
redis.call('SET', KEYS[4], '1', 'PX', ARGV[5])
