-- Take the oldest entries of a ledger away that lie in an archive by now, and keep the hash that the chain goes on from.
--
-- KEYS[1] ledger  KEYS[2] head
-- ARGV[1] id of the first entry that was archived  ARGV[2] the first id that stays  ARGV[3] hash of the last archived one
-- returns  how many went; 0 where the ledger no longer begins with that entry
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first or first[1] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'archived', ARGV[3])
return redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[2])
