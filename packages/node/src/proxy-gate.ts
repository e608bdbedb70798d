import type { Server, Socket } from 'node:net'
import { ignore } from './deny-socket.js'
import { type ProxyHeader, parseProxyHeader } from './proxy-protocol.js'
import type { CheckedServerOptions } from './server-options.js'
import { socketAccessOf } from './socket-access.js'
import { keepSaidAddress } from './transport-address.js'

/** Takes the PROXY header from the connections of proxies, before anything else sees them. */
export interface ProxyGate {
  /** Calls `proceed` at once, or once the header is read; what follows the header is then in the socket as if it had come first. */
  pass(socket: Socket, proceed: () => void): void
}

/** The header is the first thing that a proxy sends: connections that wait for it are few, unless somebody means them not to be. */
const MAX_WAITING = 1000
/** Each reason is reported so often. */
const REPORT_INTERVAL_MS = 60_000

type Fault = Extract<ProxyHeader, { kind: 'invalid' }>['reason'] | 'timeout' | 'ended' | 'too-many-waiting' | 'socket-not-private'
/** `null`: the connection has ended, and there is nothing to tell. */
type Outcome = Extract<ProxyHeader, { kind: 'header' }> | Fault | null

/**
 * Makes the gate behind the option `proxyProtocol`. A connection of a listed proxy that does not begin with a valid header in time is
 * closed; any other one is passed on as it is, and a header on it is a handshake that fails.
 */
export function createProxyGate(
  { proxyProtocol, handshakeTimeoutMs, guard }: Pick<CheckedServerOptions, 'proxyProtocol' | 'handshakeTimeoutMs' | 'guard'>,
  server: Pick<Server, 'address'>,
): ProxyGate {
  if (proxyProtocol === null) return { pass: (_, proceed) => proceed() }
  const { isProxyAddress } = proxyProtocol
  const reportedAtMs = new Map<Fault, number>()
  let waiting = 0

  /** The path of the Unix socket, `null` for other connections. */
  function pathOf(socket: Socket): string | null {
    const path = server.address()
    return socket.remoteAddress === undefined && typeof path === 'string' ? path : null
  }

  function close(socket: Socket, reason: Fault): void {
    const { remoteAddress = null } = socket
    socket.destroy()
    const nowMs = performance.now()
    if (nowMs - (reportedAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) < REPORT_INTERVAL_MS) return
    reportedAtMs.set(reason, nowMs)
    guard.report({
      kind: 'connection.ended',
      severity: 'warn',
      message: 'connections of a proxy were closed before their handshake: they did not begin as proxyProtocol demands',
      facts: { remoteAddress, reason },
    })
  }

  return {
    pass(socket, proceed) {
      const path = isProxyAddress === null ? pathOf(socket) : null
      if (isProxyAddress === null ? path === null : !isProxyAddress(socket.remoteAddress ?? null)) {
        proceed()
        return
      }
      const access = path === null ? 'owner' : socketAccessOf(path)
      if (access !== 'owner' && access !== 'group') {
        close(socket, 'socket-not-private')
        return
      }
      if (waiting >= MAX_WAITING) {
        close(socket, 'too-many-waiting')
        return
      }
      waiting++
      readHeader(socket, handshakeTimeoutMs, (outcome) => {
        waiting--
        if (outcome === null) socket.destroy()
        else if (typeof outcome === 'string') close(socket, outcome)
        else {
          // A proxy that says nobody's address speaks for itself.
          const said = outcome.clientAddress ?? socket.remoteAddress
          if (said !== undefined) keepSaidAddress(socket, said)
          proceed()
        }
      })
    },
  }
}

function readHeader(socket: Socket, timeoutMs: number, settle: (outcome: Outcome) => void): void {
  let received: Buffer = Buffer.alloc(0)
  const timer = setTimeout(() => finish('timeout'), timeoutMs)

  function finish(outcome: Outcome): void {
    clearTimeout(timer)
    socket.off('readable', read).off('end', ended).off('close', gone).off('error', ignore)
    settle(outcome)
  }
  // Whoever only looks whether the port is open says nothing, and is not told of.
  function ended(): void {
    finish(received.length === 0 ? null : 'ended')
  }
  function gone(): void {
    finish(null)
  }
  // Read on demand and not by 'data', so that what belongs to TLS can be put back before TLS takes the socket.
  function read(): void {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const header = parseProxyHeader(received)
    if (header.kind === 'incomplete') return
    if (header.kind === 'header') {
      socket.off('readable', read)
      const rest = received.subarray(header.byteLength)
      if (rest.length > 0) socket.unshift(rest)
    }
    finish(header.kind === 'header' ? header : header.reason)
  }
  socket.on('readable', read).on('end', ended).on('close', gone).on('error', ignore)
}
