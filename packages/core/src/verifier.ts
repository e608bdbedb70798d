import type { ApiKey } from './api-key.js'
import type { Challenge } from './challenge.js'
import type { Headers } from './decision.js'
import type { Inbound } from './inbound.js'
import type { Peer } from './peer.js'
import type { Principal } from './principal.js'
import type { PropagatedSession } from './propagated-session.js'
import type { Refusal } from './refusal.js'
import type { Token } from './token.js'

/** What is known of one kind of evidence: a verified fact, a refusal, or `null` where none was presented. */
export type Finding<Verified> = Verified | Refusal | null

/** The guard's whole asynchrony is in this pair: `recall` never waits, `undefined` means "not seen before". */
export interface Verifier<Verified> {
  /** Never waits and does no cryptography. Judges what it recalls: time, epoch, revocation. */
  recall(inbound: Inbound): Finding<Verified> | undefined
  /** Verifies evidence not seen before. Never rejects. */
  verify(inbound: Inbound): Promise<Finding<Verified>>
  /**
   * Is it still true? For what outlives its request.
   * @param inbound the request that it was found in. Where a proxy has named the caller, nothing is believed without it.
   */
  judge(verified: Verified, inbound?: Inbound): Refusal | null
  /** Everything it needs is loaded. Rejects if that can never be. */
  ready(): Promise<void>
  close(): Promise<void>
  /** One clause for the line at start. */
  toString(): string
}

export interface PeerVerifier extends Verifier<Peer> {
  readonly kind: 'mtls'
  /** The CA certificates in PEM that a TLS server names in its certificate request. None, which means any: more than a handshake takes. */
  trustAnchors(): readonly string[]
  /**
   * Names of the fields by which the proxy that sent this request says who the client is, lowercase. `null`: it came from no proxy that is
   * trusted. `undefined`: that is not known without verifying something. Left out where no proxy is.
   */
  proxyFields?(inbound: Inbound): readonly string[] | null | undefined
  /**
   * Writes the client's address into a request whose evidence is not read, as far as its proxy is known without verifying anything.
   * @returns a refusal where somebody else has meddled with what the proxy says.
   */
  locate?(inbound: Inbound): Refusal | null
  /** Those of every proxy. */
  readonly forwardedFields?: readonly string[]
}

export interface TokenVerifier extends Verifier<Token> {
  readonly kind: 'jwt'
  /** @param peer who else has proven to be calling: so many questions about tokens may be open for each, or else for each address. */
  verify(inbound: Inbound, peer?: Peer | null): Promise<Finding<Token>>
  /** A token, or what would be one, is presented beside `Authorization`, whatever that holds. Left out where there is no such field. */
  takesOwnField?(inbound: Inbound): boolean
  /** Is this token this peer's? `null`: yes, or the issuer's tokens need not be. */
  bind(token: Token, peer: Peer | null): Refusal | null
  /** The schemes that tokens are accepted under, the one to be named first in front. Default: `Bearer` alone. */
  readonly challenges?: readonly Challenge[]
  /** Fields that the answer takes along, whatever was decided: a new nonce. `null`: none. Left out where there never are any. */
  fieldsFor?(inbound: Inbound): Headers | null
}

export interface ApiKeyVerifier extends Verifier<ApiKey> {
  readonly kind: 'api-key'
  /** @param peer who else has proven to be calling: failed attempts are then counted as this peer's, not as its address's. */
  recall(inbound: Inbound, peer?: Peer | null): Finding<ApiKey> | undefined
  /** @param peer as for {@link ApiKeyVerifier.recall}. */
  verify(inbound: Inbound, peer?: Peer | null): Promise<Finding<ApiKey>>
  /** The `Authorization` field of this request holds a key, and so no bearer token. Looks at its scheme alone. */
  takesAuthorization(inbound: Inbound): boolean
  /**
   * Is this key this peer's, and does no token beside it name another caller? `null`: yes, or nobody else has proven who is calling.
   * @param token what else was presented, verified. It may speak for somebody who calls through the key's owner, but not for another workload.
   */
  bind(key: ApiKey, peer: Peer | null, token?: Token | null): Refusal | null
}

/** Accepts sessions that other services hand on. */
export interface SessionVerifier {
  readonly kind: 'session'
  /** The request fields that hand sessions on, lowercase: where nobody was let in to send them, they are taken off. */
  readonly fields: readonly string[]
  /** Was a session handed on? Looks at the fields alone. */
  isPresented(inbound: Inbound): boolean
  /**
   * Asked last, once everything else allows the request: what is used once is used up here. Never rejects.
   * @param caller whoever was proven to be calling: a session counts only from the service that it was handed on by.
   */
  accept(inbound: Inbound, caller: Principal): Promise<PropagatedSession | Refusal>
  /** Is it still true? For what outlives its request. */
  judge(session: PropagatedSession): Refusal | null
  ready(): Promise<void>
  toString(): string
}
