-- Send a delivery once more, now, with all its attempts before it; one that is still open is only tried at once.
--
-- KEYS[1] delivery  hash   KEYS[2] due of the webhook  zset   KEYS[3] ended of the webhook  zset
-- ARGV[1] id  ARGV[2] now in ms
-- returns  1, or 0 where there is no such delivery
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HGET', KEYS[1], 'st') ~= 'waiting' then
  redis.call('HSET', KEYS[1], 'st', 'waiting', 'n', 0, 'due', ARGV[2])
  redis.call('HDEL', KEYS[1], 'log', 'end')
  redis.call('PERSIST', KEYS[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
