-- Returns {left, pause, opened, closed, in flight}: seconds from now, empty where there is none.

local state = load()
local left = ''
if LIMIT > 0 then
  local put = redis.call('ZCOUNT', WINDOW, '(' .. exact(now - LIMIT_SPAN), exact(now))
  local close = redis.call('ZCOUNT', WINDOW, '(' .. exact(now - BURST_SPAN), exact(now))
  left = math.max(0, math.min(LIMIT - put, BURST - close))
  if state.paused > now then left = 0 end
end
local open = state.reason ~= ''
return {
  left,
  state.paused > now and exact(state.paused - now) or '',
  open and exact(state.opened - now) or '',
  open and exact(state.closed - now) or '',
  redis.call('ZCARD', FLIGHT),
}
