-- Move one comment from one version to the next: a decision, an undo, an edit, a report, a later score, an erasure.
--
-- KEYS[1] comment  KEYS[2] queue  KEYS[3] queue by urgency  KEYS[4] leases  KEYS[5] holders  KEYS[6] changes
-- KEYS[7] embargo  KEYS[8] author  KEYS[9] author's comments  KEYS[10] approved of the thread  KEYS[11] ledger
-- KEYS[12] head  KEYS[13] counts of the day  KEYS[14] labels  KEYS[15] labels by time  KEYS[16] unscored
-- KEYS[17] external ids  KEYS[18] known copies of the text (the comment is taken out when erased)
-- KEYS[19] labels of feedback from outside (another label, or none, takes the place of one)
-- then the filters the comment leaves, then the filters it enters
-- ARGV[1] id            ARGV[2] version expected   ARGV[3] new status, or '' to erase
-- ARGV[4] queue: enter, leave or keep              ARGV[5] urgency 0..1000
-- ARGV[6] ledger line   ARGV[7] moderator whose move it is ('' for the machine): a lease of another one refuses it
-- ARGV[8] us of embargo on what the site is told; -1: tell nothing (nothing visible changed); -2: as -1, and what was
--         not told yet never is (an undo within the embargo); -3: as -2, and an earlier decision is still to be told
-- ARGV[9] how many filters it leaves               ARGV[10] label: '' keep, '-' remove, else the new label
-- ARGV[11] label id     ARGV[12] 1 when it now counts as scored, 0 when unscored, '' keep
-- ARGV[13] external id or ''                       ARGV[14] day counts: fields, each followed by a blank; with a
--                                                   '-' before it one is counted back, never below none
-- ARGV[15] token of this move: the same token at the next version is this very call, sent again after a lost answer
-- ARGV[16] stamp since when it waits, when it enters; '' for as long as it waits already, or from now on
-- ARGV[17...] pairs: field of the comment and its new value; the value '' removes the field
-- returns  {0, new version}, or {1} no such comment, {2, version, decision} at another version, {3, moderator} leased by
--   another

local LONGEST_LEASE = 3600000 -- ms; one that lasts longer was taken before the clock went back
local ledger_key, head_key = KEYS[11], KEYS[12]
local id = ARGV[1]
local found = redis.call('HMGET', KEYS[1], 'st', 'ver', 'dec', 'at', 'pst', 'mv', 'pv')
if not found[1] then return {1} end
if found[2] ~= ARGV[2] then
  if found[6] == ARGV[15] then return {0, tonumber(found[2])} end
  return {2, tonumber(found[2]), found[3] or ''}
end
--#include _ledger
if ARGV[7] ~= '' then
  local lease = tonumber(redis.call('ZSCORE', KEYS[4], id) or 0)
  local holder = redis.call('HGET', KEYS[5], id)
  if holder and holder ~= ARGV[7] and lease * 1000 > now and lease * 1000 <= now + LONGEST_LEASE * 1000 then return {3, holder} end
end

local COUNT = {approved = 'ap', rejected = 'rj', pending = 'pd'}
local before, after = found[1], ARGV[3]
local version = tonumber(found[2]) + 1
local at = stamp()
local score = string.format('%.0f', at)
local leaves = tonumber(ARGV[9])
local waited = redis.call('ZSCORE', KEYS[2], id)

if ARGV[4] ~= 'keep' then
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  for f = 1, leaves do redis.call('ZREM', KEYS[19 + f], id) end
  redis.call('ZREM', KEYS[4], id)
  redis.call('HDEL', KEYS[5], id)
end
if ARGV[4] == 'enter' then
  -- what waits already goes on waiting, so that an edit does not send it to the end of the queue
  local since = ARGV[16] ~= '' and ARGV[16] or waited or score
  redis.call('ZADD', KEYS[2], since, id)
  redis.call('ZADD', KEYS[3], string.format('%.0f', rank(tonumber(ARGV[5]), tonumber(since))), id)
  for f = 20 + leaves, #KEYS do redis.call('ZADD', KEYS[f], since, id) end
end
if ARGV[12] == '1' or after == '' or after ~= 'pending' then redis.call('ZREM', KEYS[16], id) end
if ARGV[12] == '0' and after == 'pending' then redis.call('ZADD', KEYS[16], found[4], id) end

if before ~= after then
  if redis.call('HINCRBY', KEYS[8], COUNT[before], -1) < 0 then redis.call('HSET', KEYS[8], COUNT[before], 0) end
  if after ~= '' then redis.call('HINCRBY', KEYS[8], COUNT[after], 1) end
end

if after == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[6], id)
  redis.call('ZREM', KEYS[7], id)
  redis.call('ZREM', KEYS[9], id)
  redis.call('ZREM', KEYS[10], id)
  if ARGV[13] ~= '' then redis.call('HDEL', KEYS[17], ARGV[13]) end
  redis.call('HDEL', KEYS[18], id)
  -- nobody is remembered of whom nothing is kept
  if redis.call('EXISTS', KEYS[9]) == 0 and redis.call('HEXISTS', KEYS[8], 'mk') == 0 then redis.call('DEL', KEYS[8]) end
else
  redis.call('HSET', KEYS[1], 'st', after, 'ver', version, 'mv', ARGV[15])
  for p = 17, #ARGV, 2 do
    if ARGV[p + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[p]) else redis.call('HSET', KEYS[1], ARGV[p], ARGV[p + 1]) end
  end
  local wait = tonumber(ARGV[8])
  local told = true
  if wait > 0 then
    -- what the site saw before an earlier embargo is what it goes on seeing
    local until_ = string.format('%.0f', now + wait)
    redis.call('HSET', KEYS[1], 'pst', found[5] or before, 'pv', found[7] or found[2], 'emb', until_)
    redis.call('ZADD', KEYS[7], until_, id)
    told = false
  elseif wait == -1 then
    told = false
  elseif wait <= -2 and found[5] then
    -- back at what the site sees, there is nothing to tell
    told = false
    if wait == -2 and after == found[5] then
      redis.call('HDEL', KEYS[1], 'pst', 'pv', 'emb')
      redis.call('ZREM', KEYS[7], id)
    end
  end
  if told and found[5] then
    redis.call('HDEL', KEYS[1], 'pst', 'pv', 'emb')
    redis.call('ZREM', KEYS[7], id)
  end
  if told then
    redis.call('ZADD', KEYS[6], score, id)
    redis.call('HSET', KEYS[1], 'ch', score)
    if KEYS[10] ~= KEYS[2] then
      if after == 'approved' then redis.call('ZADD', KEYS[10], found[4], id) else redis.call('ZREM', KEYS[10], id) end
    end
  end
end

if ARGV[10] ~= '' then redis.call('ZREM', KEYS[19], ARGV[11]) end
if ARGV[10] == '-' then
  redis.call('HDEL', KEYS[14], ARGV[11])
  redis.call('ZREM', KEYS[15], ARGV[11])
elseif ARGV[10] ~= '' then
  redis.call('HSET', KEYS[14], ARGV[11], ARGV[10])
  redis.call('ZADD', KEYS[15], score, ARGV[11])
end
for back, field in string.gmatch(ARGV[14], '(%-?)(%S+) ') do
  if back == '' then redis.call('HINCRBY', KEYS[13], field, 1)
  elseif tonumber(redis.call('HGET', KEYS[13], field) or 0) > 0 then redis.call('HINCRBY', KEYS[13], field, -1) end
end
redis.call('EXPIRE', KEYS[13], 34560000)
append(at, ARGV[6])
close_ledger()
return {0, version}
