import { caddy } from './caddy.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'

testWhatArrives(caddy, createSite())
