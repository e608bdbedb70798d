import { apache } from './apache.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(apache, site)

// Apache hands every spelling on. What Connection names it drops after it has set it: its own fields, not the client's alone.
testWhatIsDecided(apache, site, {
  provenance: 'proxy-verified',
  forgeries: {
    'with underscores': ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
    'with one underscore': ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
    'in two spellings': ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
    'with a space before the colon': ['proxy', 'proxy'],
    'with all fields named by Connection': ['ERR_PEER_MISSING', 'ERR_PEER_MISSING'],
    'with the verdict named by Connection': ['ERR_FORWARDED_UNVERIFIED', 'ERR_PEER_MISSING'],
  },
  http2Forgery: ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
  faults: { expired: 'proxy', 'unknown-authority': 'ERR_FORWARDED_UNVERIFIED' },
})
