-- Spend one unit of an allowance that stands alone: reports, sign-ins, key guesses.
--
-- KEYS[1]  string  time (us) at which it is free again
-- ARGV[1] limit  ARGV[2] window in seconds
-- returns  0, or the ms to wait
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = tonumber(ARGV[2]) * 1000000
-- what lies further ahead than a window was written before the clock went back
local free = math.min(tonumber(redis.call('GET', KEYS[1]) or 0), now + window)
local tat = math.max(free, now) + window / tonumber(ARGV[1])
if tat - now > window then return math.ceil((tat - now - window) / 1000) end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1)
return 0
