-- Take a lease, or prolong one's own.
--
-- KEYS[1]  string  who holds it
-- ARGV[1] who asks  ARGV[2] ms
-- returns  1 when it is held now, 0 while another one holds it
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
