-- Write down what became of one attempt: the delivery ends, or is tried again; the next of its lane takes its turn.
--
-- KEYS[1] delivery  hash   KEYS[2] due of the webhook  zset   KEYS[3] its lane, list; or KEYS[2] for none
-- KEYS[4] ended of the webhook  zset  delivery -> ms of its end
-- ARGV[1] id                    ARGV[2] attempts before this one    ARGV[3] line of the log, '' for no attempt
-- ARGV[4] how it ends, '' when it is tried again                    ARGV[5] ms: when it is tried next, or ended
-- ARGV[6] its place in the lane '<ms>:<id>'                         ARGV[7] 1 when the lane no longer waits for it
-- ARGV[8] seconds it is kept    ARGV[9] how many ended ones are listed
-- returns  1, or 0 where it ended before or another attempt was counted meanwhile

local NEVER = 9000000000000000
local found = redis.call('HMGET', KEYS[1], 'st', 'n', 'log')
if found[1] ~= 'waiting' or found[2] ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'n', tonumber(found[2]) + 1, 'log', (found[3] or '') .. ARGV[3] .. '\n')
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'st', ARGV[4], 'end', ARGV[5])
  redis.call('EXPIRE', KEYS[1], ARGV[8])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - tonumber(ARGV[9]))
  redis.call('EXPIRE', KEYS[4], ARGV[8])
else
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
end
if KEYS[3] ~= KEYS[2] and (ARGV[4] ~= '' or ARGV[7] == '1') then
  redis.call('LREM', KEYS[3], 1, ARGV[6])
  local due, id = string.match(redis.call('LINDEX', KEYS[3], 0) or '', '^(%d+):(.+)$')
  if id and tonumber(redis.call('ZSCORE', KEYS[2], id) or 0) == NEVER then redis.call('ZADD', KEYS[2], due, id) end
end
return 1
