import { createScript } from './run-script.js'

/**
 * Hands out events. Those whose lease has ended go back to where they were first, so that the oldest is always first.
 *
 * KEYS: events, waiting, taken. ARGV: how many, the lease in milliseconds. Answers: id and value in turn.
 */
export const TAKE = createScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)) do
  local value = redis.call('HGET', KEYS[1], id)
  local order = value and string.match(value, '^(%d+)%.')
  if order then redis.call('ZADD', KEYS[2], order, id) end
  redis.call('ZREM', KEYS[3], id)
end
local list = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)) do
  local value = redis.call('HGET', KEYS[1], id)
  if value then
    redis.call('ZADD', KEYS[3], string.format('%.0f', now + ARGV[2]), id)
    list[#list + 1] = id
    list[#list + 1] = value
  end
  redis.call('ZREM', KEYS[2], id)
end
return list
`)

/** KEYS: events, waiting, taken. ARGV: ids that were delivered. */
export const ACKNOWLEDGE = createScript(`
redis.call('HDEL', KEYS[1], unpack(ARGV))
redis.call('ZREM', KEYS[2], unpack(ARGV))
redis.call('ZREM', KEYS[3], unpack(ARGV))
return {}
`)
