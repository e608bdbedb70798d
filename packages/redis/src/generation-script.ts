import { createScript } from './run-script.js'

/**
 * Puts a record of the generation in the place of the one that was read, unless another process was first. The time is the server's.
 *
 * KEYS: generation. ARGV: what was read, or nothing where there was none; what is to be there.
 * Answers: the time, and what is there now. Without arguments it only looks.
 */
export const GENERATION = createScript(`
local time = redis.call('TIME')
local there = redis.call('GET', KEYS[1]) or ''
if ARGV[2] and there == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  there = ARGV[2]
end
return {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), there}
`)
