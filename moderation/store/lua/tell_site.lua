-- Let the site see a decision whose embargo is over: it appears among the changes, and under its page or no longer.
--
-- KEYS[1] comment  KEYS[2] changes  KEYS[3] embargo  KEYS[4] approved of the thread or, without a thread, the changes again  KEYS[5] head
-- ARGV[1] id
-- returns  1 when it is told, 0 when there was nothing (any more) to tell
local ledger_key, head_key = KEYS[5], KEYS[5]
--#include _ledger
local found = redis.call('HMGET', KEYS[1], 'st', 'at', 'emb')
if not found[1] or not found[3] or tonumber(found[3]) > now then
  if not found[3] then redis.call('ZREM', KEYS[3], ARGV[1]) end
  return 0
end
local score = string.format('%.0f', stamp())
redis.call('HDEL', KEYS[1], 'pst', 'pv', 'emb')
redis.call('HSET', KEYS[1], 'ch', score)
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[2], score, ARGV[1])
if KEYS[4] ~= KEYS[2] then
  if found[1] == 'approved' then redis.call('ZADD', KEYS[4], found[2], ARGV[1]) else redis.call('ZREM', KEYS[4], ARGV[1]) end
end
close_ledger()
return 1
