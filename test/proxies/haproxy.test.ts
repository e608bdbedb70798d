import { haproxy } from './haproxy.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'
import { testWhatIsDecided } from './what-is-decided.js'

const site = createSite()

testWhatArrives(haproxy, site)

testWhatIsDecided(haproxy, site, {
  provenance: 'proxy-verified',
  forgeries: {},
  http2Forgery: ['own', 'ERR_PEER_MISSING'],
  faults: { expired: 'ERR_FORWARDED_UNVERIFIED', 'unknown-authority': 'ERR_FORWARDED_UNVERIFIED' },
})
