-- Lease the most urgent free cases of a site, or of one of its filters, to one moderator.
--
-- KEYS[1]  queue by urgency   zset  id -> urgency
-- KEYS[2]  leases             zset  id -> ms when the lease ends
-- KEYS[3]  holders            hash  id -> moderator
-- KEYS[4...] filters          zset  ids that may be claimed; each must name a case
-- ARGV[1] moderator  ARGV[2] how many  ARGV[3] lease in ms  ARGV[4] how many cases to look at at most
-- returns  the ids, most urgent first

local LONGEST_LEASE = 3600000 -- ms; one that lasts longer was taken before the clock went back
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, looked, most = tonumber(ARGV[2]), 0, tonumber(ARGV[4])
local out = {}
while #out < wanted and looked < most do
  local ids = redis.call('ZREVRANGE', KEYS[1], looked, looked + 99)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    if #out == wanted then break end
    local ends = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)
    local free = ends <= now or ends > now + LONGEST_LEASE or redis.call('HGET', KEYS[3], id) == ARGV[1]
    for f = 4, #KEYS do free = free and redis.call('ZSCORE', KEYS[f], id) end
    if free then out[#out + 1] = id end
  end
  looked = looked + #ids
end
for _, id in ipairs(out) do
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), id)
  redis.call('HSET', KEYS[3], id, ARGV[1])
end
return out
