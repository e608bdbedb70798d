import type { Code, EvidenceKind, Provenance, Status } from '@countersign/core'
import type { AdapterName } from './adapters.js'
import type { CertificateKind } from './certificates.js'
import type { ForwardedKind } from './forwarded.js'
import type { KeyKind } from './keys.js'
import type { PresetName } from './presets.js'
import type { ProofKind } from './proofs.js'
import type { Field } from './raw-http1.js'
import type { Transport } from './servers.js'
import type { SessionKind } from './sessions.js'
import type { TokenKind } from './tokens.js'

/** One claim about what a service answers, whatever framework and transport it has. */
export interface Row {
  readonly id: string
  readonly claim: string
  readonly requirements: readonly string[]
  readonly given: Given
  /** Over TLS. */
  readonly expected: Expected
  /** Without TLS, where no certificate can be: over TCP and over a Unix socket. */
  readonly clear: Expected | 'the same'
  /** Where the row makes no sense, and why. */
  readonly notApplicable?: readonly NotApplicable[]
}

export interface Given {
  readonly preset: PresetName
  /** Default: none. */
  readonly certificate?: CertificateKind
  /** Sent as `Authorization: Bearer`. */
  readonly token?: TokenKind
  /** A token that is bound to a key and its proof, sent before the other fields. */
  readonly proof?: ProofKind
  /** Sent as `X-Api-Key`. */
  readonly apiKey?: KeyKind
  /** What a proxy wrote, sent after `Host`. */
  readonly forwarded?: ForwardedKind
  /** What hands a session on. */
  readonly session?: SessionKind
  /** Sent as they are, after `Host`. */
  readonly fields?: readonly Field[]
  /** Default `GET`. */
  readonly method?: string
  /** The request target as it is written on the wire. Default `/`. */
  readonly target?: string
  /** What the request line says. Default `HTTP/1.1`. */
  readonly version?: string
  /** Of `Host` or `:authority`. Default: that of the server name. */
  readonly authority?: string
  /** SNI; `null` sends none. Default: the service's. */
  readonly serverName?: string | null
  /** So many like it, on connections of their own, are sent and answered first. */
  readonly before?: number
  /** The clock moves on between those and this one, and back afterwards. */
  readonly thenSeconds?: number
  /** The one before it and this one go over the same connection. */
  readonly keepsConnection?: true
  readonly service?: 'asks for no certificate' | 'reads the body first'
}

export type Expected = Granted | Denied

export interface Granted {
  readonly id: string
  readonly evidence: readonly EvidenceKind[]
  /** Whose certificate the token is bound to. Default `null`. */
  readonly boundTo?: CertificateKind
  /** The token is bound to the caller's key, which the request has proven. */
  readonly keyProven?: true
  /** Whose certificate the peer has, and how it came. Default: that of the connection. */
  readonly peer?: { readonly certificate: CertificateKind | null; readonly provenance: Provenance }
  /** Of a session that was handed on. Default: none was. */
  readonly session?: { readonly actors: readonly string[]; readonly scopes: readonly string[] }
  /** Names of fields that the handler does not see, though they were sent. */
  readonly removed?: readonly string[]
  /** Whom the token speaks for, where not the caller. Default `null`. */
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string | null>>
}

export interface Denied {
  /** What is written down. */
  readonly code: Code
  /** What is sent, where that is something else. */
  readonly sent?: Code
  readonly status: Status
  /** `WWW-Authenticate`. Default: none. */
  readonly challenge?: string
  readonly headers?: Readonly<Record<string, string | null>>
  /** Members of the problem beside type, title, status and code, in JSON. */
  readonly members?: string
  /** `type` of the problem, where it is not the page of the code. */
  readonly type?: string
}

export interface NotApplicable {
  readonly adapters?: readonly AdapterName[]
  readonly transports?: readonly Transport[]
  /** Of `process.version`. */
  readonly node?: RegExp
  /** In words, for the report. */
  readonly reason: string
}

export function isGranted(expected: Expected): expected is Granted {
  return 'evidence' in expected
}

const BEARER = 'Bearer realm="countersign"'

/** Challenges of RFC 6750 §3: without an error where no token was presented. */
export const ASKS_FOR_TOKEN = { challenge: BEARER } as const
export const INVALID_TOKEN = { challenge: `${BEARER}, error="invalid_token"` } as const
export const INVALID_REQUEST = { challenge: `${BEARER}, error="invalid_request"` } as const
export const INSUFFICIENT_SCOPE = { challenge: `${BEARER}, error="insufficient_scope"` } as const

const API_KEY = 'ApiKey realm="countersign"'

export const ASKS_FOR_KEY = { challenge: API_KEY } as const
/** Where tokens are accepted too, a 401 names both schemes. */
export const ASKS_FOR_EITHER = { challenge: `${BEARER}, ${API_KEY}` } as const
export const INVALID_BESIDE_KEYS = { challenge: `${BEARER}, error="invalid_token", ${API_KEY}` } as const
export const KEY_REPEATED = { challenge: `${API_KEY}, error="invalid_request"` } as const

export const UNENCRYPTED = { code: 'ERR_PEER_UNENCRYPTED', status: 403 } as const

export const ONLY_HTTP1: NotApplicable = {
  transports: ['http2', 'secure-http2'],
  reason: 'HTTP/2 has no such request',
}

export const KOA2_HEAD: NotApplicable = {
  adapters: ['koa2'],
  transports: ['http2', 'secure-http2'],
  reason: 'Koa 2 never answers HEAD over HTTP/2, with or without a guard; Koa 3 does',
}

/** What it answers instead is held in fastify.test.ts. */
export const FASTIFY_BAD_URL: NotApplicable = {
  adapters: ['fastify'],
  transports: ['https', 'http2', 'http', 'unix'],
  reason: 'the router of Fastify refuses an escape that it cannot decode with an answer of its own, before any hook',
}

/** nodejs/node#65579, mended by #65602; 26.8 had it too. */
export const CHAIN_LOST: NotApplicable = {
  transports: ['https', 'secure-https', 'http2', 'secure-http2', 'http1-on-http2'],
  node: /^v(?:24\.21\.|26\.8\.)/,
  reason: 'this release of Node keeps the intermediates that a client sent to itself: they must be configured',
}
