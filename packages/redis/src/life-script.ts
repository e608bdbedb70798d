/**
 * What every script that changes something begins with: is the memory of the store the one that the caller knows? It is, if the generation is
 * the same and the last sign of life that the caller gave is still there: a store that was put back to an older state has an older
 * one of some caller at least, whichever writes were lost.
 *
 * KEYS: generation, beats. ARGV: the caller, id of the generation that it knows, its last sign of life or 0.
 */
export const LIFE = `
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function digits(number) return string.format('%.0f', number) end
local generation = redis.call('GET', KEYS[1])
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
local same = generation and string.sub(generation, 1, #ARGV[2]) == ARGV[2]
local forgotten = same and ARGV[3] ~= '0' and (not score or tonumber(score) < tonumber(ARGV[3]))
local function beat()
  local next = math.max(micros, tonumber(score or '0') + 1)
  -- A store without memory for it still answers.
  local done = redis.pcall('ZADD', KEYS[2], digits(next), ARGV[1])
  return type(done) == 'number' and digits(next) or '0'
end
`
