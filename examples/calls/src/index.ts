export { type Answer, call, callHttp2 } from './call.js'
export { type Credentials, createCredentials } from './create-credentials.js'
export { type RunningExample, startExample } from './start-example.js'
