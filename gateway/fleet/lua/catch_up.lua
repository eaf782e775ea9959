-- KEYS  1 journal  2 entries
-- ARGV  1 number of the last entry that was read
-- Returns {epoch, number of the last entry, 1 if nothing after ARGV[1] is missing, contacts and
-- publishers in turn}.

local read = tonumber(ARGV[1])
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '0') or 0
if not (last >= 0 and last < 2 ^ 53) then last = 0 end
local whole = (last >= read and last - redis.call('XLEN', KEYS[2]) <= read) and 1 or 0
local answer = {epoch, last, whole}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('%d-0', read + 1), '+')) do
  answer[#answer + 1] = entry[2][2] or ''
  answer[#answer + 1] = entry[2][4] or ''
end
return answer
