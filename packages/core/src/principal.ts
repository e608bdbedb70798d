import type { ApiKey } from './api-key.js'
import type { Identity } from './identity.js'
import type { Peer, Provenance } from './peer.js'
import type { PropagatedSession } from './propagated-session.js'
import type { Token } from './token.js'

export type EvidenceKind = 'mtls' | 'jwt' | 'api-key'

/** Who is calling, and how that was proven. Frozen. */
export interface Principal {
  /** The caller's name: that of the certificate, or else the owner of the API key, or else the token's subject; `anonymous` without any. */
  readonly id: string
  readonly anonymous: boolean
  /** The workload at the other end: from its certificate, or else from its API key, or else from its token. `null` if anonymous. */
  readonly caller: Identity | null
  /** Whom the token speaks for, where that is not the caller itself. `null` without a token. */
  readonly subject: Identity | null
  readonly evidence: readonly EvidenceKind[]
  readonly peer: Peer | null
  readonly token: Token | null
  readonly apiKey: ApiKey | null
  /** The session of whoever started all this, where the caller has handed one on. It proves nothing about the caller. */
  readonly session: PropagatedSession | null
  readonly assurance: Assurance
  /** The first of all expiry times that were judged. Epoch milliseconds; `Infinity` if anonymous. */
  readonly expiresAtMs: number
}

/** Facts about the proof, for policies and audits. */
export interface Assurance {
  /** How the certificate reached us; `null` without one. */
  readonly provenance: Provenance | null
  /** The token is bound to this very certificate, or to a key that this request has proven. */
  readonly tokenBound: boolean
  /** The TLS session was resumed: the certificate is the one of the full handshake, judged again since. */
  readonly resumed: boolean
}
