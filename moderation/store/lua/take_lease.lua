-- Take a lease, or prolong one's own.
--
-- KEYS[1]  string  who holds it
-- ARGV[1] who asks  ARGV[2] ms
-- returns  1 when it is held now, 0 while another one holds it
local holder = redis.call('GET', KEYS[1])
-- no lease is taken for an hour: one that lasts longer was taken before the clock went back, and its holder may be dead
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= 3600000 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
