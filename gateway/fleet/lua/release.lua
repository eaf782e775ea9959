-- KEYS  1 lease
-- ARGV  1 token
-- Returns nothing. Another's lease is left alone.

if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
