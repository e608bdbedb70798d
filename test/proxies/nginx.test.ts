import { nginx } from './nginx.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'

testWhatArrives(nginx, createSite())
