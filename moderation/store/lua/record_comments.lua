-- Record several judged comments of one site: comment, queue, author, ledger, changes, all or nothing for each.
--
-- KEYS[1] ledger   KEYS[2] head   KEYS[3] queue   KEYS[4] queue by urgency   KEYS[5] changes   KEYS[6] external ids
-- KEYS[7] threads  KEYS[8] counts of the day      KEYS[9] unscored
-- then for each comment, 6 keys and its filters:
--   +1 comment  +2 author  +3 author's comments  +4 copies of the text  +5 idempotency  +6 approved of the thread
--   +7...       sorted sets of the queue by reason, language, thread
-- ARGV[1]  how many comments
-- then for each comment, 15 arguments:
--   +1 id  +2 document  +3 explanation  +4 status  +5 urgency 0..1000  +6 ledger line  +7 author  +8 fingerprint or ''
--   +9 body digest or ''  +10 external id or ''  +11 thread digest or ''  +12 thread document  +13 1 when unscored
--   +14 how many filters  +15 what to count for the day: fields, each followed by a blank
-- returns  for each comment {0, stamp} recorded (now, or by an earlier sending of this very call whose answer was lost),
--   {1, id} known by its Idempotency-Key, {4, id} known by its external id, {2} Idempotency-Key with another body
--
-- Everything is checked before the first write of a comment; no call after that can fail for a reason of its own.

local ledger_key, head_key = KEYS[1], KEYS[2]
--#include _ledger
local n = tonumber(ARGV[1])
local counts = {}
local a = 1
local k = 9
local out = {}
local recorded = 0
local COUNT = {approved = 'ap', rejected = 'rj', pending = 'pd'}

-- what goes into a sorted set: gathered, so that each set is written once for all comments
local sets, orders = {}, {}
local function add(key, score, id)
  local members = sets[key]
  if not members then
    members = {}
    sets[key] = members
    orders[#orders + 1] = key
  end
  members[#members + 1] = score
  members[#members + 1] = id
end

-- none is there yet, unless this very call was sent before
local mine = {}
local at_key = 9
for i = 1, n do
  mine[i] = KEYS[at_key + 1]
  at_key = at_key + 6 + tonumber(ARGV[1 + (i - 1) * 15 + 14])
end
local sent_before = redis.call('EXISTS', unpack(mine)) > 0

for i = 1, n do
  local id, status, author = ARGV[a + 1], ARGV[a + 4], ARGV[a + 7]
  local body, external, thread = ARGV[a + 9], ARGV[a + 10], ARGV[a + 11]
  local filters = tonumber(ARGV[a + 14])
  local known = nil
  local own = sent_before and redis.call('HGET', KEYS[k + 1], 'at')
  if own then known = {0, own} end
  if not known and body ~= '' then
    local seen = redis.call('GET', KEYS[k + 5])
    if seen then
      if string.sub(seen, 1, 16) == body then known = {1, string.sub(seen, 17)} else known = {2} end
    end
  end
  if not known and external ~= '' then
    local same = redis.call('HGET', KEYS[6], external)
    if same then known = {4, same} end
  end
  if known then
    out[i] = known
  else
    local at = stamp()
    local score = string.format('%.0f', at)
    redis.call('HSET', KEYS[k + 1], 'doc', ARGV[a + 2], 'exp', ARGV[a + 3], 'st', status, 'ver', 1, 'at', score)
    if status == 'pending' then
      add(KEYS[3], score, id)
      add(KEYS[4], string.format('%.0f', rank(tonumber(ARGV[a + 5]), at)), id)
      for f = 1, filters do add(KEYS[k + 6 + f], score, id) end
      if ARGV[a + 13] == '1' then add(KEYS[9], score, id) end
    elseif status == 'approved' and thread ~= '' then
      add(KEYS[k + 6], score, id)
    end
    add(KEYS[5], score, id)
    redis.call('HINCRBY', KEYS[k + 2], COUNT[status], 1)
    add(KEYS[k + 3], score, id)
    if ARGV[a + 8] ~= '' then
      local copies = tonumber(redis.call('HGET', KEYS[k + 4], 'n') or 0) + 1
      if copies <= 100 then
        redis.call('HSET', KEYS[k + 4], 'n', copies, id, author)
      else
        redis.call('HSET', KEYS[k + 4], 'n', copies)
      end
      redis.call('EXPIRE', KEYS[k + 4], 259200)
    end
    if body ~= '' then redis.call('SET', KEYS[k + 5], body .. id, 'EX', 86400) end
    if external ~= '' then redis.call('HSET', KEYS[6], external, id) end
    if thread ~= '' then redis.call('HSETNX', KEYS[7], thread, ARGV[a + 12]) end
    for field in string.gmatch(ARGV[a + 15], '(%S+) ') do counts[field] = (counts[field] or 0) + 1 end
    append(at, ARGV[a + 6])
    recorded = recorded + 1
    out[i] = {0, score}
  end
  a = a + 15
  k = k + 6 + filters
end

if recorded > 0 then
  for _, key in ipairs(orders) do redis.call('ZADD', key, unpack(sets[key])) end
  close_ledger()
  for field, count in pairs(counts) do redis.call('HINCRBY', KEYS[8], field, count) end
  redis.call('EXPIRE', KEYS[8], 34560000)
end
return out
