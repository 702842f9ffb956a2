-- Change a record of a hash that nobody has changed since it was read.
--
-- KEYS[1]  hash  id -> record
-- ARGV[1] id  ARGV[2] as it was read  ARGV[3] as it shall be, '' to remove it
-- returns  1, or 0 where it is another one by now
-- also where it is already as it shall be: of two that want the same, one was first
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
