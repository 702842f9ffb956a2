-- Send a delivery once more with all its attempts before it, or try one that is open at once: now, but never before it
-- was first due, since a decision could still be undone until then.
--
-- KEYS[1] delivery  hash   KEYS[2] due of the webhook  zset   KEYS[3] ended of the webhook  zset
-- ARGV[1] id  ARGV[2] now in ms
-- returns  1, or 0 where there is no such delivery
--
-- One that waits for an earlier one of its lane, at a time that never comes, goes on waiting for it.

local NEVER = 9000000000000000
local found = redis.call('HMGET', KEYS[1], 'st', 'due')
if not found[1] then return 0 end
local at = tonumber(found[2]) > tonumber(ARGV[2]) and found[2] or ARGV[2]
if found[1] ~= 'waiting' then
  redis.call('HSET', KEYS[1], 'st', 'waiting', 'n', 0, 'due', at)
  redis.call('HDEL', KEYS[1], 'log', 'end')
  redis.call('PERSIST', KEYS[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
elseif tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0) == NEVER then
  return 1
end
redis.call('ZADD', KEYS[2], at, ARGV[1])
return 1
