-- KEYS  1 master  2 tombstone
-- ARGV  1 record  2 milliseconds
-- Returns 1, or 0 if the contact was just erased.

if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
