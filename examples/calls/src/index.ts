export { call, callHttp2 } from './call.js'
export { testExample } from './test-example.js'
