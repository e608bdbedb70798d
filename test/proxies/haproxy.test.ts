import { haproxy } from './haproxy.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(haproxy, site)

// HAProxy hands Connection on as it came, beside its own fields.
testWhatIsDecided(haproxy, site, {
  provenance: 'proxy-verified',
  forgeries: {
    'with a space before the colon': ['proxy', 'proxy'],
    'with all fields named by Connection': ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
    'with the verdict named by Connection': ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'],
  },
  reusing: { 'backend orders\n': 'backend orders\n  http-reuse always\n' },
  http2Forgery: ['own', 'ERR_PEER_MISSING'],
  faults: { expired: 'ERR_FORWARDED_UNVERIFIED', 'unknown-authority': 'ERR_FORWARDED_UNVERIFIED' },
})
