import { caddy } from './caddy.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(caddy, site)

testWhatIsDecided(caddy, site, {
  provenance: 'proxy-passed-through',
  forgeries: {
    'with a space before the colon': ['proxy', 'proxy'],
  },
  http2Forgery: ['own', 'ERR_PEER_MISSING'],
  faults: { expired: 'ERR_PEER_EXPIRED', 'unknown-authority': 'ERR_PEER_UNTRUSTED' },
})
