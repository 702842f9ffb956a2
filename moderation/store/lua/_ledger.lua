-- (part) Stamps and the ledger's chain. Expects `head_key`, `ledger_key`.
-- A stamp is a time in microseconds, strictly greater than the one before it on this site, also when the clock goes back.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local head = redis.call('HMGET', head_key, 'h', 's')
local chain, last = head[1] or '', tonumber(head[2] or 0)

local function stamp()
  if now > last then last = now else last = last + 1 end
  return last
end

local function append(at, line)
  local entry = string.format('%.0f-%.0f', math.floor(at / 1000), at % 1000)
  chain = redis.sha1hex(chain .. entry .. line)
  redis.call('XADD', ledger_key, entry, 'e', line, 'h', chain)
end

local function close_ledger()
  redis.call('HSET', head_key, 'h', chain, 's', string.format('%.0f', last))
end

-- Urgency 0 to 1000 and, within it, the older first: one number that a double holds exactly.
local function rank(urgency, at)
  return urgency * 8796093022208 + (8796093022207 - (math.floor(at / 1000) - 1700000000000))
end
