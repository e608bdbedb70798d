import { call, testExample } from '@countersign-example/calls'

testExample(new URL('main.js', import.meta.url), call)
