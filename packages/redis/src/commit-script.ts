import { LIFE } from './life-script.js'
import { createScript } from './run-script.js'

/**
 * The whole change, or none of it. Looks before it writes; and where memory is short, the first thing it writes is what the server refuses,
 * since a script that has begun to write is not stopped any more.
 *
 * KEYS: generation, beats, last, revocations, ends, order, events, waiting, then the records: as many as are expected, put and removed.
 * ARGV: three for {@link LIFE}; channel, most events; how many are expected, put, removed, revoked, emitted; then for each
 *   expected: version, or nothing
 *   put: value, end
 *   revoked: digest, what was read there or nothing, value, end
 *   emitted: id, value.
 * Answers: what came of it (`done`, `conflict`, `raced`: a revocation is not what was read, `lost`, `full`: of events), and the sign of life.
 */
export const COMMIT = createScript(`${LIFE}
if not same or forgotten then return {'lost'} end
local expected, put, removed, revoked, emitted = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local key, at = 8, 10
for i = 1, expected do
  local record = redis.call('GET', KEYS[key + i])
  local version = record and string.match(record, '^(%d+)%.') or ''
  if version ~= ARGV[at + i] then return {'conflict'} end
end
key, at = key + expected, at + expected
for i = 1, revoked do
  local offset = at + 2 * put + 4 * i
  if (redis.call('HGET', KEYS[4], ARGV[offset - 3]) or '') ~= ARGV[offset - 2] then return {'raced'} end
end
if emitted > 0 and revoked == 0 and redis.call('HLEN', KEYS[7]) + emitted > tonumber(ARGV[5]) then return {'full'} end

for i = 1, put do
  redis.call('SET', KEYS[key + i], ARGV[at + 2 * i - 1], 'PXAT', ARGV[at + 2 * i])
end
key, at = key + put, at + 2 * put

-- Later than all before, whatever happens to the clock.
local order = math.max(micros, tonumber(redis.call('GET', KEYS[3]) or '0'))
for i = 1, revoked do
  local digest, value, ends = ARGV[at + 4 * i - 3], ARGV[at + 4 * i - 1], ARGV[at + 4 * i]
  order = order + 1
  redis.call('HSET', KEYS[4], digest, value)
  redis.call('ZADD', KEYS[5], ends, digest)
  redis.call('ZADD', KEYS[6], digits(order), digest)
end
at = at + 4 * revoked

for i = 1, emitted do
  local id, value = ARGV[at + 2 * i - 1], ARGV[at + 2 * i]
  order = order + 1
  if redis.call('HSETNX', KEYS[7], id, digits(order) .. '.' .. value) == 1 then redis.call('ZADD', KEYS[8], digits(order), id) end
end
if revoked + emitted > 0 then redis.call('SET', KEYS[3], digits(order)) end

for i = 1, removed do redis.call('DEL', KEYS[key + i]) end
if revoked > 0 then redis.call('PUBLISH', ARGV[4], '') end
return {'done', beat()}
`)
