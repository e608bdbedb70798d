import { haproxy } from './haproxy.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'

testWhatArrives(haproxy, createSite())
