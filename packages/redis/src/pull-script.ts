import { LIFE } from './life-script.js'
import { createScript } from './run-script.js'

/**
 * One page of the revocations: what was appended after a place in the log, or what a cursor goes on with through all of them. The entry at
 * the place must be there, and be the same: one that is older than the log was cut off with its beginning, any other was lost. Clears
 * away a few entries whose time is over.
 *
 * KEYS: generation, beats, revocations, ends, log.
 * ARGV: three for {@link LIFE}; id of the generation of the position or nothing; `all` or `after`; cursor, or place; seal of the entry
 *   at the place; how many; how long signs of life are kept, in milliseconds.
 * Answers: what it is (`absent`: there is no generation, `lost`, `all`, `after`), the time, the generation, the sign of life, place and
 *   entry of the end of the log, the cursor that goes on, and the entries: values alone for `all`, place and value in turn for `after`.
 */
export const PULL = createScript(`${LIFE}
if not generation then return {'absent', digits(now)} end
if forgotten then return {'lost', digits(now), generation} end

local function earlier(a, b)
  local a1, a2 = string.match(a, '^(%d+)%-(%d+)$')
  local b1, b2 = string.match(b, '^(%d+)%-(%d+)$')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end
local mode = ARGV[5]
if ARGV[4] == '' or string.sub(generation, 1, #ARGV[4]) ~= ARGV[4] then mode = 'whole' end
if mode == 'after' and ARGV[6] ~= '0-0' then
  local found = redis.call('XRANGE', KEYS[5], ARGV[6], ARGV[6])[1]
  if found then
    if string.sub(found[2][2], 1, #ARGV[7]) ~= ARGV[7] then return {'lost', digits(now), generation} end
  else
    local first = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)[1]
    if not first or not earlier(ARGV[6], first[1]) then return {'lost', digits(now), generation} end
    mode = 'whole'
  end
end

local ended = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', digits(now), 'LIMIT', 0, 200)
if #ended > 0 then
  redis.call('HDEL', KEYS[3], unpack(ended))
  redis.call('ZREM', KEYS[4], unpack(ended))
end
local mine = beat()
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(micros - ARGV[9] * 1000))

local last = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)[1]
local place, entry = '0-0', ''
if last then place, entry = last[1], last[2][2] end
local list = {}
if mode == 'after' then
  for _, one in ipairs(redis.call('XRANGE', KEYS[5], '(' .. ARGV[6], '+', 'COUNT', ARGV[8])) do
    list[#list + 1] = one[1]
    list[#list + 1] = one[2][2]
  end
  return {'after', digits(now), generation, mine, place, entry, '', list}
end
local page = redis.call('HSCAN', KEYS[3], mode == 'all' and ARGV[6] or '0', 'COUNT', ARGV[8])
for i = 2, #page[2], 2 do list[#list + 1] = page[2][i] end
return {mode, digits(now), generation, mine, place, entry, page[1], list}
`)
