-- Add a person under an e-mail address that nobody has; both or nothing, so that no address is held by nobody.
--
-- KEYS[1] people  hash  moderator id -> record
-- KEYS[2] mail    hash  digest of the e-mail address -> moderator id
-- ARGV[1] digest  ARGV[2] id  ARGV[3] record
-- returns  1, or 0 where the address is taken
if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
