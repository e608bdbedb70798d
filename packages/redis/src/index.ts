export type { RedisStateStoreOptions } from './options.js'
export type { RedisClient } from './redis-client.js'
export { createRedisStateStore } from './state-store.js'
export { createRedisStreamSink, type RedisStreamSink, type RedisStreamSinkOptions } from './stream-sink.js'
