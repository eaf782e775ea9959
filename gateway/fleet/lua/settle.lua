-- ARGV  6 grant  7 outcome  8 reason  9 pause, or empty
-- Returns nothing.

local GRANT, OUTCOME, REASON, PAUSE = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local TROUBLES, FIRST_PAUSE = 5, 60
local SLACK = 0.02

local state = load()
follow(state)

local since = number(redis.call('ZSCORE', FLIGHT, GRANT) or now)
redis.call('ZREM', FLIGHT, GRANT)
-- The upstream saw the query somewhere between its grant and now, and counts from there.
if redis.call('ZSCORE', WINDOW, GRANT) then
  redis.call('ZADD', WINDOW, exact(math.min(now, since + SLACK * PERIOD)), GRANT)
end

local probe = GRANT == state.probe
local function shut()
  if state.reason == '' then state.opened = now end
  state.reason, state.closed, state.probe = REASON, now + REST, ''
end

if OUTCOME == 'trouble' then
  state.failures = state.failures + 1
  if probe or (state.reason == '' and state.failures >= TROUBLES) then shut() end
elseif OUTCOME == 'refused' then
  if probe or state.reason == '' then shut() end
else
  state.failures = 0
  if probe then state.reason, state.probe, state.opened = '', '', 0 end
end

if OUTCOME == 'throttled' then
  local pause = PAUSE
  if pause == nil then
    -- Queries that were under way together are told off together: that counts once.
    if since >= state.paused_at then state.throttled = state.throttled + 1 end
    pause = FIRST_PAUSE * 2 ^ math.min(math.max(state.throttled - 1, 0), 8)
  end
  state.paused_at = now
  state.paused = math.max(state.paused, now + math.min(pause, LONGEST_PAUSE))
elseif OUTCOME == 'answered' and since >= state.paused_at then
  state.throttled = 0
end
save(state)
