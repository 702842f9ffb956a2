-- Give a site a new policy, unless its record is another one by now: whoever changed it would be overwritten.
--
-- KEYS[1]  sites       hash  site id -> site record (JSON)
-- KEYS[2]  policies    hash  version -> policy, when and by whom (JSON)
-- KEYS[3]  generation  string, grows with every change of a site or key
-- ARGV[1]  site id
-- ARGV[2]  site record as it was read
-- ARGV[3]  version that is replaced
-- ARGV[4]  site record with the new policy
-- ARGV[5]  the replaced policy, as it is kept where the history does not have it yet
-- ARGV[6]  the new policy, as it is kept
-- ARGV[7]  how many versions are kept
-- returns  1 where it was set, 0 where the record is another one
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
local version = tonumber(ARGV[3])
redis.call('HSETNX', KEYS[2], version, ARGV[5])
redis.call('HSET', KEYS[2], version + 1, ARGV[6])
redis.call('HDEL', KEYS[2], version + 1 - tonumber(ARGV[7]))
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('INCR', KEYS[3])
return 1
