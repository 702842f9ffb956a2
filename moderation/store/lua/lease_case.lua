-- Lease one waiting case to a moderator, keep the lease it has, or give it back.
--
-- KEYS[1] queue  KEYS[2] leases  KEYS[3] holders
-- ARGV[1] id  ARGV[2] moderator  ARGV[3] lease in ms; 0 gives the case back
-- returns  {0, ms when the lease ends}, {1} not waiting, {2, moderator} with another one

local LONGEST_LEASE = 3600000 -- ms; one that lasts longer was taken before the clock went back
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {1} end
local ends = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
local holder = redis.call('HGET', KEYS[3], ARGV[1])
if holder and holder ~= ARGV[2] and ends > now and ends <= now + LONGEST_LEASE then return {2, holder} end
if ARGV[3] == '0' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
  return {0, 0}
end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return {0, now + tonumber(ARGV[3])}
