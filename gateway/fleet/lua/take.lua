-- ARGV  7 grant  8 young  9 most young  10 most old
-- Returns {'grant', probe} or {'wait', seconds, reason}.

local GRANT, YOUNG, MOST_YOUNG, MOST_OLD = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local A_MOMENT = 0.25

local state = load()
sweep(state)

local open = state.reason ~= ''
if open and state.closed > now then
  return {'wait', exact(state.closed - now), state.reason}
end
if open and redis.call('ZSCORE', FLIGHT, state.probe) then
  return {'wait', exact(A_MOMENT), state.reason}
end

local wait = room(state)
local young = redis.call('ZCOUNT', FLIGHT, '(' .. exact(now - YOUNG), '+inf')
if young >= MOST_YOUNG or redis.call('ZCARD', FLIGHT) - young >= MOST_OLD then
  wait = math.max(wait, A_MOMENT)
end
if wait > 0 then return {'wait', exact(wait), 'budget'} end

redis.call('ZADD', WINDOW, exact(now), GRANT)
redis.call('ZADD', FLIGHT, exact(now), GRANT)
if open then
  state.probe = GRANT
  state.closed = now + REST
end
save(state)
return {'grant', open and 1 or 0}
