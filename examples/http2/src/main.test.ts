import { callHttp2, testExample } from '@countersign-example/calls'

testExample(new URL('main.js', import.meta.url), callHttp2)
