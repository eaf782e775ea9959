-- ARGV  6 grant that was not used
-- Returns nothing.

local state = load()
redis.call('ZREM', WINDOW, ARGV[6])
redis.call('ZREM', FLIGHT, ARGV[6])
if state.probe == ARGV[6] then
  state.probe, state.closed = '', now
  save(state)
end
