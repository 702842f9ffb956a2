-- Make the deliveries of a stretch of the ledger to one webhook, and move the courier's place behind it: both or nothing.
--
-- KEYS[1]  courier of the site      hash  webhook -> the entry up to which its deliveries are made, and other marks
-- KEYS[2]  due of the webhook       zset  open delivery -> ms when it is tried next
-- then for each delivery, 2 keys:
--   +1     the delivery             hash
--   +2     its lane                 list  open deliveries of one comment in their order, '<ms>:<id>'; KEYS[2] for none
-- ARGV[1]  mark of the courier      ARGV[2]  its value as the planner saw it, '' for none    ARGV[3]  its new value
-- then for each delivery: +1 id  +2 event  +3 ms when it is due
-- returns  1, or 0 where the mark has another value: somebody else made them
--
-- A delivery that is not the first of its lane waits for the one before it, at a time that never comes.

local NEVER = 9000000000000000
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
local a = 3
for k = 3, #KEYS, 2 do
  local id, event, due = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  redis.call('HSET', KEYS[k], 'ev', event, 'st', 'waiting', 'n', 0, 'due', due)
  local place = 1
  if KEYS[k + 1] ~= KEYS[2] then place = redis.call('RPUSH', KEYS[k + 1], due .. ':' .. id) end
  redis.call('ZADD', KEYS[2], place == 1 and due or NEVER, id)
  a = a + 3
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
