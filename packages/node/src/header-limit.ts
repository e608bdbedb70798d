import type { Http2SecureServer, ServerHttp2Stream } from 'node:http2'
import { ignore } from './deny-socket.js'
import { interceptEvents } from './intercept-events.js'

/** RFC 9113 §6.5.2: what each field counts for besides its name and its value. */
const FIELD_OVERHEAD_BYTES = 32

/**
 * Answers HTTP/2 requests with larger header sections by 431. The setting that tells clients of the bound is advice (RFC 9113 §6.5.2),
 * and Node takes sections of up to 64 KB whatever was said.
 */
export function limitHeaders(server: Http2SecureServer, maxBytes: number): void {
  const stream = ([opened, , , rawHeaders]: readonly unknown[], proceed: () => void): void => {
    if (sizeOf(rawHeaders as readonly string[]) <= maxBytes) {
      proceed()
      return
    }
    const refused = opened as ServerHttp2Stream
    // Reset in the same breath as it was opened: answering would throw, and end the process.
    if (refused.destroyed || refused.closed) return
    refused.on('error', ignore)
    refused.respond({ ':status': 431 }, { endStream: true })
  }
  interceptEvents(server, new Map([['stream', stream]]))
}

function sizeOf(rawHeaders: readonly string[]): number {
  let bytes = (rawHeaders.length / 2) * FIELD_OVERHEAD_BYTES
  for (const text of rawHeaders) bytes += text.length
  return bytes
}
