import { LIFE } from './life-script.js'
import { createScript } from './run-script.js'

/**
 * Claims an id for whoever comes first.
 *
 * KEYS: generation, beats, claim. ARGV: three for {@link LIFE}; the end.
 * Answers: `first`, `again` or `lost`, and the sign of life.
 */
export const CLAIM = createScript(`${LIFE}
if not same or forgotten then return {'lost'} end
if not redis.call('SET', KEYS[3], '1', 'NX', 'PXAT', ARGV[4]) then return {'again', '0'} end
return {'first', beat()}
`)
