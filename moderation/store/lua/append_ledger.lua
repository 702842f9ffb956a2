-- Append one entry to a ledger: something that touches no comment (a policy, a key, a mark, a promotion).
--
-- KEYS[1] ledger  KEYS[2] head
-- ARGV[1] line
-- returns  the entry's stamp
local ledger_key, head_key = KEYS[1], KEYS[2]
--#include _ledger
local at = stamp()
append(at, ARGV[1])
close_ledger()
return string.format('%.0f', at)
