-- Lease the deliveries of one webhook that are due: until the lease ends nobody else sends them.
--
-- KEYS[1]  due of the webhook  zset  open delivery -> ms when it is tried next
-- ARGV[1] now in ms  ARGV[2] ms when the lease ends  ARGV[3] how many at most
-- returns  their ids, longest due first
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return ids
