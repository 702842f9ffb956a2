-- Write something that nobody reads, so that a WAIT behind it waits for everything written before, by whomever.
-- (A server waits for the last write of the connection alone, and a script that finds its work done writes nothing.)
--
-- KEYS[1] mark
-- returns  nothing
redis.call('SET', KEYS[1], '', 'PX', 60000)
