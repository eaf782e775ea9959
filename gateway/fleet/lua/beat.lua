-- ARGV  7 and on: the grants that the worker still holds
-- Returns nothing.

local SETTLING = 1
local state = load()
follow(state)
alive()
local held = {}
for index = 7, #ARGV do held[ARGV[index]] = true end
-- A grant whose answer was lost on the way is held by nobody; one on its way is younger than this.
for _, grant in ipairs(redis.call('ZRANGEBYSCORE', FLIGHT, '-inf', exact(now - SETTLING))) do
  if string.match(grant, '^(.-):') == WORKER and not held[grant] then
    redis.call('ZREM', FLIGHT, grant)
  end
end
save(state)
