-- ARGV  7 retry  8 share of the last minute's queries
-- Returns 1 if it may be put, else 0.

local state = load()
sweep(state)
local asked = redis.call('ZCOUNT', WINDOW, '(' .. exact(now - MINUTE), '+inf')
local most = math.max(1, math.floor(asked * tonumber(ARGV[8])))
if state.reason ~= '' or redis.call('ZCARD', RETRIES) >= most or room(state) > 0 then return 0 end
redis.call('ZADD', WINDOW, exact(now), ARGV[7])
redis.call('ZADD', RETRIES, exact(now), ARGV[7])
save(state)
return 1
