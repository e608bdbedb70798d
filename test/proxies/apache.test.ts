import { apache } from './apache.js'
import { createSite } from './site.js'
import { testWhatArrives } from './what-arrives.js'

testWhatArrives(apache, createSite())
