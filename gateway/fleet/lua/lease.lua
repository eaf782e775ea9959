-- KEYS  1 lease
-- ARGV  1 token  2 milliseconds
-- Returns 1 if the lease is the token's from now on, else 0. Its holder extends it by the same
-- call, and gets it back if it was lost and nobody took it.

local LEASE, TOKEN, LIFE = KEYS[1], ARGV[1], tonumber(ARGV[2])
if redis.call('SET', LEASE, TOKEN, 'NX', 'PX', LIFE) then return 1 end
local left = redis.call('PTTL', LEASE)
-- What lives longer than a lease can is none, and nobody would ever end it.
if redis.call('TYPE', LEASE).ok ~= 'string' or left < 0 or left > LIFE
    or redis.call('GET', LEASE) == TOKEN then
  redis.call('SET', LEASE, TOKEN, 'PX', LIFE)
  return 1
end
return 0
