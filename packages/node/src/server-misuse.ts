import type { EventEmitter } from 'node:events'
import type { Connection, Decision } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'

const PROTECTED = Symbol('countersign.protected')
const NOTICED = Symbol('countersign.noticed')
const UNENCRYPTED = Symbol('countersign.unencrypted')
/** What has handlers that run without any middleware. */
const UNSEEN = ['upgrade', 'connect', 'checkContinue', 'checkExpectation'] as const
/** The listener by which Node itself makes requests of streams. By its name: where that changed, streams would be guarded once too often. */
const NODES_OWN = 'bound onServerStream'

interface Marked extends EventEmitter {
  [PROTECTED]?: WeakSet<Guard>
  [NOTICED]?: WeakSet<Guard>
  [UNENCRYPTED]?: WeakSet<Guard>
}

/** Somebody handles HTTP/2 streams themselves, below requests and responses. */
export function hasStreamHandler(server: EventEmitter): boolean {
  return server.listeners('stream').some((listener) => listener.name !== NODES_OWN)
}

/** @returns `false` if this guard protects the server already. */
export function markProtected(server: Marked, guard: Guard): boolean {
  server[PROTECTED] ??= new WeakSet()
  if (server[PROTECTED].has(guard)) return false
  server[PROTECTED].add(guard)
  return true
}

/** Says once a server, at its first requests, what no single request would show. */
export function noticeMisuse(guard: Guard, req: NodeRequest, connection: Connection): void {
  if (connection[NOTICED] === guard) return
  connection[NOTICED] = guard
  const server: Marked | undefined = serverOf(req)
  if (server === undefined) return
  server[NOTICED] ??= new WeakSet()
  const noticed = server[NOTICED]
  if (noticed.has(guard)) return
  const events = server[PROTECTED]?.has(guard) === true ? [] : unguardedEvents(server)
  if (events.length > 0) {
    noticed.add(guard)
    guard.report({
      kind: 'guard.misused',
      severity: 'error',
      code: 'ERR_SERVER_UNGUARDED',
      message: 'the server has handlers that no middleware stands in front of: add protectServer(server, guard)',
      facts: { events },
    })
  }
  if (guard.certificateRequest !== null && connection.transport === 'tls' && !connection.certificateRequested) {
    noticed.add(guard)
    guard.report({
      kind: 'guard.misused',
      severity: 'error',
      code: 'ERR_SERVER_WITHOUT_REQUEST_CERT',
      message:
        'the server asks for no client certificates: create it with { requestCert: true, rejectUnauthorized: false }, or by secureServer()',
      facts: {},
    })
  }
  if (guard.certificateRequest !== null && connection.transport === 'tls' && cutsCallersOff(server)) {
    noticed.add(guard)
    guard.report({
      kind: 'guard.misused',
      severity: 'error',
      code: 'ERR_OPTION_CONTRADICTION',
      message: `server.rejectUnauthorized: ${CUTS_CALLERS_OFF}`,
      facts: {},
    })
  }
}

/** Says once a server that nobody can meet what the guard requires: no certificate comes over plain HTTP. */
export function noticeUnencrypted(guard: Guard, req: NodeRequest, connection: Connection, decision: Decision): void {
  if (decision.allowed || decision.code !== 'ERR_PEER_UNENCRYPTED' || connection.transport !== 'tcp') return
  const server: Marked | undefined = serverOf(req)
  if (server === undefined) return
  server[UNENCRYPTED] ??= new WeakSet()
  if (server[UNENCRYPTED].has(guard)) return
  server[UNENCRYPTED].add(guard)
  guard.report({
    kind: 'guard.misused',
    severity: 'error',
    code: 'ERR_PEER_UNENCRYPTED',
    message: 'the guard requires client certificates, and none comes over plain HTTP: serve with secureServer({ cert, key, guard }, app)',
    facts: {},
  })
}

/** What `rejectUnauthorized` does where it is not switched off, and how to mend it. */
export const CUTS_CALLERS_OFF = 'is on, so Node cuts callers off before the guard can answer: set it to false'

/** Node judges certificates itself, by the server's own `ca`. */
export function cutsCallersOff(server: EventEmitter): boolean {
  const { requestCert, rejectUnauthorized } = server as { readonly requestCert?: unknown; readonly rejectUnauthorized?: unknown }
  return requestCert === true && rejectUnauthorized !== undefined && rejectUnauthorized !== false
}

function unguardedEvents(server: EventEmitter): string[] {
  const events: string[] = UNSEEN.filter((event) => server.listenerCount(event) > 0)
  return hasStreamHandler(server) ? [...events, 'stream'] : events
}

function serverOf(req: NodeRequest): EventEmitter | undefined {
  const socket = ('stream' in req ? req.stream?.session?.socket : req.socket) as { readonly server?: EventEmitter } | undefined
  return socket?.server
}
