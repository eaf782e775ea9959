-- ARGV  7 grant  8 outcome  9 reason  10 pause, or empty
-- Returns nothing.

local GRANT, OUTCOME, REASON, PAUSE = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local TROUBLES, FIRST_PAUSE = 5, 60

local state = load()
follow(state)

local since = number(redis.call('ZSCORE', FLIGHT, GRANT) or now)
redis.call('ZREM', FLIGHT, GRANT)
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
elseif OUTCOME ~= 'dropped' then
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
