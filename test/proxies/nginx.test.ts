import { nginx } from './nginx.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(nginx, site)

// nginx takes no folded lines, and drops names with anything but letters, digits and dashes in them.
testWhatIsDecided(nginx, site, {
  provenance: 'proxy-verified',
  forgeries: {
    'with a space before the colon': ['proxy', 'proxy'],
    'with its value folded': ['proxy', 'proxy'],
    'folded into another field': ['proxy', 'proxy'],
  },
  http2Forgery: ['own', 'ERR_PEER_MISSING'],
  faults: { expired: 'proxy', 'unknown-authority': 'ERR_FORWARDED_UNVERIFIED' },
})
