-- KEYS  1 journal  2 entries
-- ARGV  1 a fresh epoch
-- Gives the journal an epoch if it has none: until then nobody could tell whether one had come
-- and gone while they were cut off. Returns nothing.

if not redis.call('HGET', KEYS[1], 'epoch') then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
end
