-- Spend the allowance of several comments of one site, and tell what is known of their authors and texts.
--
-- KEYS[1]  allowance of the site      string  time (us) at which it is free again
-- KEYS[2]  external ids of the site   hash    external id -> comment id
-- then for each comment, 7 keys:
--   +1     idempotency                string  body digest (16) + comment id
--   +2     author                     hash    ap, rj, pd: counts; mk: mark; mu: ms until which it holds
--   +3     copies of the text         hash    n: count; comment id -> author
--   +4..+7 allowance of text, address, e-mail, form
-- ARGV[1]  how many comments
-- ARGV[2]  1 to spend, 0 to look only
-- ARGV[3..7] limits a minute: site, text, address, e-mail, form (0: none)
-- then for each comment, 4 arguments:
--   +1     body digest, or '' without an Idempotency-Key
--   +2     external id, or ''
--   +3     author id
--   +4     which limits apply: a string of 0 and 1 for text, address, e-mail, form
-- returns  for each comment one of
--   {0, approved, rejected, pending, mark, same, own, authors, site, text, address, e-mail}  (usage in thousandths)
--   {1, comment id}              known: the same Idempotency-Key and body
--   {4, comment id}              known: the same external id
--   {2}                          the Idempotency-Key came with another body
--   {3, scope, ms to wait}       a hard limit is spent; nothing was spent
--
-- Limits are GCRA: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm, a burst of one minute's limit.

local WINDOW = 60000000
local SCOPES = {'text', 'address', 'email', 'form'}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local spend = ARGV[2] == '1'

-- the time at which each allowance that is asked for is free again: read at once, written at once
local free = {}
local asked = {}
for i = 1, tonumber(ARGV[1]) do
  local k = 2 + (i - 1) * 7
  local applies = ARGV[7 + (i - 1) * 4 + 4]
  for scope = 1, 4 do
    if ARGV[3 + scope] ~= '0' and string.byte(applies, scope) == 49 then asked[#asked + 1] = KEYS[k + 3 + scope] end
  end
end
if ARGV[3] ~= '0' then asked[#asked + 1] = KEYS[1] end
for first = 1, #asked, 4000 do
  local last = math.min(first + 3999, #asked)
  local found = redis.call('MGET', unpack(asked, first, last))
  for j = first, last do free[asked[j]] = tonumber(found[j - first + 1] or now) end
end
local spent = {}

local function free_at(key)
  local tat = free[key]
  if tat < now then tat = now end
  -- what lies further ahead than anything is kept was written before the clock went back
  return math.min(tat, now + 2 * WINDOW)
end

local function keep(key, tat)
  free[key] = tat
  spent[key] = true
end

local site_limit = tonumber(ARGV[3])
local site_tat = site_limit > 0 and free_at(KEYS[1]) or now
local site_spent = false
local out = {}

for i = 1, tonumber(ARGV[1]) do
  local k = 2 + (i - 1) * 7
  local a = 7 + (i - 1) * 4
  local known = nil
  if ARGV[a + 1] ~= '' then
    local seen = redis.call('GET', KEYS[k + 1])
    if seen then
      if string.sub(seen, 1, 16) == ARGV[a + 1] then known = {1, string.sub(seen, 17)} else known = {2} end
    end
  end
  if not known and ARGV[a + 2] ~= '' then
    local id = redis.call('HGET', KEYS[2], ARGV[a + 2])
    if id then known = {4, id} end
  end

  if known then
    out[i] = known
  else
    local tats, usage, refused = {}, {0, 0, 0, 0}, nil
    for scope = 1, 4 do
      local limit = tonumber(ARGV[3 + scope])
      if limit > 0 and string.byte(ARGV[a + 4], scope) == 49 then
        local step = WINDOW / limit
        local tat = free_at(KEYS[k + 3 + scope]) + step
        usage[scope] = math.floor((tat - now) * 1000 / WINDOW + 0.5)
        if scope > 1 and tat - now > WINDOW and spend then
          refused = refused or {3, SCOPES[scope], math.ceil((tat - now - WINDOW) / 1000)}
        end
        -- a soft limit that is passed is remembered for two minutes at most
        tats[scope] = math.min(tat, now + 2 * WINDOW)
      end
    end
    if refused then
      out[i] = refused
    else
      if spend then
        for scope, tat in pairs(tats) do keep(KEYS[k + 3 + scope], tat) end
      end
      local site_usage = 0
      if site_limit > 0 then
        site_tat = math.min(site_tat + WINDOW / site_limit, now + 2 * WINDOW)
        site_spent = true
        site_usage = math.floor((site_tat - now) * 1000 / WINDOW + 0.5)
      end
      local author = redis.call('HMGET', KEYS[k + 2], 'ap', 'rj', 'pd', 'mk', 'mu')
      local mark = author[4] or ''
      if author[5] and tonumber(author[5]) * 1000 < now then mark = '' end
      local same = tonumber(redis.call('HGET', KEYS[k + 3], 'n') or 0)
      local own, authors = 0, 0
      if same > 0 then
        local seen = {}
        local pairs_ = redis.call('HGETALL', KEYS[k + 3])
        for j = 1, #pairs_, 2 do
          local who = pairs_[j + 1]
          if pairs_[j] ~= 'n' then
            if who == ARGV[a + 3] then own = own + 1 end
            if not seen[who] then seen[who] = true; authors = authors + 1 end
          end
        end
      end
      out[i] = {0, tonumber(author[1] or 0), tonumber(author[2] or 0), tonumber(author[3] or 0), mark, same, own,
        authors, site_usage, usage[1], usage[2], usage[3]}
    end
  end
end
if spend then
  if site_spent then keep(KEYS[1], site_tat) end
  for key in pairs(spent) do
    redis.call('SET', key, string.format('%.0f', free[key]), 'PX', math.ceil((free[key] - now) / 1000) + 1)
  end
end
return out
