import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Denial } from '@countersign/core'

/** How long a refused client may take to read its answer and go. */
const LINGER_MS = 2000

/**
 * Writes a denial as a whole HTTP/1.1 response on a socket that no response object belongs to any more (upgrades, `CONNECT`), and
 * closes it.
 */
export function denySocket(socket: Duplex, denial: Denial): void {
  if (socket.destroyed) return
  const head = [`HTTP/1.1 ${denial.status} ${STATUS_CODES[denial.status] ?? ''}`, `Date: ${new Date().toUTCString()}`, 'Connection: close']
  for (const [name, value] of Object.entries(denial.headers)) head.push(`${name}: ${value}`)
  // Destroying at once would reset the connection where bytes of the client are still unread, and the answer would be lost.
  const linger = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.on('error', ignore)
  socket.once('close', () => clearTimeout(linger))
  socket.resume()
  socket.end(`${head.join('\r\n')}\r\n\r\n${denial.body}`)
}

/** For sockets that nobody else listens to: without a listener, a reset would end the process. */
export function ignore(): void {}
