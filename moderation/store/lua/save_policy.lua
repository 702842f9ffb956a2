-- Give a site a new policy, unless it got another one since the caller read it.
--
-- KEYS[1]  sites       hash  site id -> site record (JSON)
-- KEYS[2]  policies    hash  version -> policy, when and by whom (JSON)
-- KEYS[3]  generation  string, grows with every change of a site or key
-- ARGV[1]  site id
-- ARGV[2]  version that is replaced
-- ARGV[3]  site record with the new policy
-- ARGV[4]  the replaced policy, as it is kept where the history does not have it yet
-- ARGV[5]  the new policy, as it is kept
-- ARGV[6]  how many versions are kept
-- returns  0 where it was set, else the version the site has
local version = cjson.decode(redis.call('HGET', KEYS[1], ARGV[1])).policy.version
if version ~= tonumber(ARGV[2]) then
  return version
end
redis.call('HSETNX', KEYS[2], version, ARGV[4])
redis.call('HSET', KEYS[2], version + 1, ARGV[5])
redis.call('HDEL', KEYS[2], version + 1 - tonumber(ARGV[6]))
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[3])
return 0
