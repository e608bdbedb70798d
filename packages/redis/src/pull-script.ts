import { LIFE } from './life-script.js'
import { createScript } from './run-script.js'

/**
 * One page of the revocations, in the order in which they were changed last. One that is revoked again moves to the end, so that a reader
 * misses none, wherever it stands. Clears away a few entries whose time is over.
 *
 * KEYS: generation, beats, revocations, ends, order.
 * ARGV: three for {@link LIFE}; id of the generation of the position or nothing; place; how many; how long signs of life are kept, in
 *   milliseconds.
 * Answers: what it is (`absent`: there is no generation, `lost`, `whole`, `after`), the time, the generation, the sign of life, the place of the last
 *   entry, whether there is more, and the entries, each after what it is kept under.
 */
export const PULL = createScript(`${LIFE}
if not generation then return {'absent'} end
if forgotten then return {'lost'} end
local whole = ARGV[4] == '' or string.sub(generation, 1, #ARGV[4]) ~= ARGV[4]

local ended = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', digits(now), 'LIMIT', 0, 500)
if #ended > 0 then
  redis.call('HDEL', KEYS[3], unpack(ended))
  redis.call('ZREM', KEYS[4], unpack(ended))
  redis.call('ZREM', KEYS[5], unpack(ended))
end
local mine = beat()
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(micros - ARGV[7] * 1000))

local limit = tonumber(ARGV[6])
local found = redis.call('ZRANGEBYSCORE', KEYS[5], whole and '-inf' or '(' .. ARGV[5], '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
local place, list = whole and '0' or ARGV[5], {}
local count = math.min(limit, #found / 2)
for i = 1, count do
  list[2 * i - 1] = found[2 * i - 1]
  list[2 * i] = redis.call('HGET', KEYS[3], found[2 * i - 1])
end
if count > 0 then place = digits(tonumber(found[2 * count])) end
return {whole and 'whole' or 'after', digits(now), generation, mine, place, #found / 2 > limit and 'more' or '', list}
`)
