-- Set both pointers of the models at once, so that every worker on every host sees them move.
--
-- KEYS[1]  pointers  hash  active, shadow -> pointer; generation
-- ARGV[1] active pointer, or '' for the bundled version  ARGV[2] shadow pointer, or '' for none
-- returns  the new generation
redis.call('HSET', KEYS[1], 'active', ARGV[1], 'shadow', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'generation', 1)
