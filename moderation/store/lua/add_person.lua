-- Add a person under an e-mail address that nobody else has; both or nothing, so that no address is held by nobody.
--
-- KEYS[1] people  hash  moderator id -> record
-- KEYS[2] mail    hash  digest of the e-mail address -> moderator id
-- ARGV[1] digest  ARGV[2] id  ARGV[3] record
-- returns  1, also where it is sent twice; 0 where another one has the address
local holder = redis.call('HGET', KEYS[2], ARGV[1])
if holder and holder ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
