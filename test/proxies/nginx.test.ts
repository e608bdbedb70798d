import { nginx } from './nginx.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(nginx, site)

testWhatIsDecided(nginx, site, {
  provenance: 'proxy-verified',
  forgeries: {},
  http2Forgery: ['own', 'ERR_PEER_MISSING'],
  faults: { expired: 'proxy', 'unknown-authority': 'ERR_FORWARDED_UNVERIFIED' },
})
