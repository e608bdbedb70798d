import { checkBoolean, checkInteger, checkKeys, checkText, type StateEvent } from '@countersign/core'
import { createConnection } from './connection.js'
import { checkDriver } from './options.js'
import type { RedisClient } from './redis-client.js'

export interface RedisStreamSinkOptions {
  /** Your client, of the server where others read; it may be another than that of the state. It need not be connected. */
  readonly client: RedisClient
  /** Key of the stream. */
  readonly stream: string
  /** About how many events the stream keeps; older ones are cut off, read or not. Default 100,000. */
  readonly maxLength?: number
  /** How long a command may take. Default 200. */
  readonly timeoutMs?: number
  /** Speaks without TLS to a server on another machine. */
  readonly dangerouslyPlaintext?: boolean
}

/** Takes events to a stream of Redis. Resolves once the server has one, rejects with a {@link StateError} if it does not. */
export interface RedisStreamSink {
  (event: StateEvent): Promise<void>
  close(): void
}

const DEFAULT_MAX_LENGTH = 100_000
const MAX_LENGTH = 100_000_000
const DEFAULT_TIMEOUT_MS = 200
const MAX_TIMEOUT_MS = 60_000

/**
 * Makes a sink that appends each event to a stream, for other systems to read with `XREADGROUP`: fields `id`, `topic`, `payload` (JSON) and `at`
 * (epoch milliseconds). An event may arrive more than once: its `id` is the same then. It holds no token.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 * @example
 * const sink = createRedisStreamSink({ client, stream: 'mesh-events' })
 */
export function createRedisStreamSink(options: RedisStreamSinkOptions): RedisStreamSink {
  checkKeys('', options, ['client', 'stream', 'maxLength', 'timeoutMs', 'dangerouslyPlaintext'])
  const stream = checkText('stream', options.stream)
  const maxLength = checkInteger('maxLength', options.maxLength ?? DEFAULT_MAX_LENGTH, 1, MAX_LENGTH)
  const timeoutMs = checkInteger('timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
  const driver = checkDriver(options.client, checkBoolean('dangerouslyPlaintext', options.dangerouslyPlaintext ?? false))
  const connection = createConnection(driver, timeoutMs)

  async function append({ id, topic, payload, atMs }: StateEvent): Promise<void> {
    const fields = ['id', id, 'topic', topic, 'payload', payload, 'at', String(atMs)]
    await connection.send(stream, ['XADD', stream, 'MAXLEN', '~', String(maxLength), '*', ...fields])
  }
  return Object.assign(append, { close: () => connection.close() })
}
