-- Leave a label that no decision leaves: feedback from outside, or an import. Never over what is known better.
--
-- KEYS[1]  labels          hash  label id -> label
-- KEYS[2]  labels by time  zset  label id -> stamp
-- KEYS[3]  the comment that it is of, or a key that is never there
-- KEYS[4]  feedback from outside  zset  label id -> stamp
-- ARGV[1]  label id
-- ARGV[2]  label
-- ARGV[3]  stamp
-- ARGV[4]  version of the comment that was read, undecided; '' for a label of no comment that we know
-- ARGV[5]  what it may replace: sources, each between blanks
-- ARGV[6]  1 for hearsay, which replaces nothing but hearsay
-- ARGV[7]  how many labels of feedback from outside are kept, the newest; '' for a label that is none
-- returns  1, or 0 where the comment is gone, decided or at another version, or a better label is there

if ARGV[4] ~= '' then
  local found = redis.call('HMGET', KEYS[3], 'ver', 'dec')
  if found[1] ~= ARGV[4] or found[2] then return 0 end
end
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there then
  local known = cmsgpack.unpack(there)
  if not string.find(ARGV[5], ' ' .. known.source .. ' ', 1, true) then return 0 end
  if ARGV[6] == '1' and not known.hearsay then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
  for _, oldest in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1 - tonumber(ARGV[7]))) do
    redis.call('HDEL', KEYS[1], oldest)
    redis.call('ZREM', KEYS[2], oldest)
    redis.call('ZREM', KEYS[4], oldest)
  end
end
return 1
