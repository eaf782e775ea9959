-- ARGV  7 grant that was not used
-- Returns nothing.

local state = load()
redis.call('ZREM', WINDOW, ARGV[7])
redis.call('ZREM', FLIGHT, ARGV[7])
if state.probe == ARGV[7] then
  state.probe, state.closed = '', now
  save(state)
end
