import {
  type Admission,
  type ApiKeyVerifier,
  type CertificateMetadata,
  type Inbound,
  isRefusal,
  type Peer,
  type Refusal,
  type RevocationList,
  type Surroundings,
} from '@countersign/core'
import type { MeshCore } from '../mesh-core.js'
import { readServiceRecord } from '../service/service-record.js'
import { stateKey } from '../state-keys.js'
import type { CertificateEvidence, CertificateReader } from './certificate-evidence.js'
import type { ClientRegistry } from './client-registry.js'
import type { Form } from './form.js'
import { type PresentedClient, readPresentedClient } from './presented-client.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, type Rejection, reject, rejectionRow } from './rejection.js'

/** A client that has proven who it is. */
export interface AuthenticatedClient {
  readonly client: RegisteredClient
  /** What its tokens are bound to; `null` without a client certificate. */
  readonly certificate: CertificateMetadata | null
  readonly peer: Peer | null
}

/** Authenticates the clients of requests. */
export interface ClientAuthenticator {
  /** Rejects only with a {@link StateError}. */
  authenticate(inbound: Inbound, form: Form): Promise<AuthenticatedClient | Rejection>
}

/** What a client authenticator works with. */
export interface ClientAuthenticatorParts {
  readonly core: Pick<MeshCore, 'store' | 'revocations' | 'marginMs'>
  readonly clients: ClientRegistry
  readonly certificates: CertificateReader
  readonly admission: Admission
  /** Client secrets are API keys. */
  readonly apiKeys: ApiKeyVerifier | null
  readonly surroundings: Surroundings
}

const UNKNOWN = Object.freeze(reject('ERR_CLIENT_UNKNOWN'))
const MISMATCH = Object.freeze(reject('ERR_CLIENT_METHOD_MISMATCH'))
const WRONG_SECRET = Object.freeze(reject('ERR_CLIENT_SECRET'))

/**
 * Makes what authenticates clients. Nothing is verified for a caller whose failures have used up their budget; whatever fails is charged to the
 * verified peer where there is one, so that strangers behind the same address cannot use it up, and to the address otherwise.
 */
export function createClientAuthenticator(parts: ClientAuthenticatorParts): ClientAuthenticator {
  const { core, clients, certificates, admission, apiKeys } = parts

  async function authenticate(inbound: Inbound, form: Form): Promise<AuthenticatedClient | Rejection> {
    const presented = readPresentedClient(inbound, form)
    if (isRejection(presented)) return presented
    const known = certificates.recall(inbound)
    const entered = await admission.enter(inbound, known)
    if (isRefusal(entered)) return reject('ERR_ATTEMPTS_EXCEEDED', entered.facts)
    try {
      const result = await judge(inbound, presented)
      if (isRejection(result) && isFailure(result)) admission.charge(inbound, certificates.recall(inbound))
      return result
    } finally {
      entered()
    }
  }

  async function judge(inbound: Inbound, presented: PresentedClient): Promise<AuthenticatedClient | Rejection> {
    const client = await clients.find(presented.clientId)
    if (isRejection(client)) return client
    const evidence = await certificates.read(inbound)
    const flaw = await flawOf(client, presented, evidence, inbound)
    if (flaw !== null) return flaw
    if (client === null) return UNKNOWN
    const { finding, certificate } = evidence
    if (certificate !== null && isRevoked(core.revocations, certificate)) return reject('ERR_CLIENT_REVOKED', { kind: 'certificate' })
    if (await isEnded(client.subject)) return reject('ERR_CLIENT_REVOKED', { kind: 'service' })
    return { client, certificate, peer: finding === null || isRefusal(finding) ? null : finding }
  }

  /** Is the service that the client is gone, for good or until it is registered again? Its credentials may be good all the same. */
  async function isEnded(service: string): Promise<boolean> {
    if (core.revocations.has('service', service, Number.MAX_SAFE_INTEGER)) return true
    const [stored] = await core.store.read([stateKey('service', service)])
    return readServiceRecord(service, stored, core.revocations).deregistered
  }

  async function flawOf(
    client: RegisteredClient | null,
    presented: PresentedClient,
    evidence: CertificateEvidence,
    inbound: Inbound,
  ): Promise<Rejection | null> {
    // A secret is checked for an unknown client too: how long the answer takes says nothing.
    if (presented.method === 'client_secret_basic' || presented.method === 'client_secret_post')
      return flawOfSecret(client, presented, inbound)
    if (client === null) return UNKNOWN
    const { credential } = client
    switch (credential.method) {
      case 'tls_client_auth': {
        if (presented.method !== 'certificate') return MISMATCH
        const { finding } = evidence
        if (finding === null) return reject('ERR_CLIENT_CERTIFICATE', { reason: 'none' })
        if (isRefusal(finding)) return flawOfCertificate(finding)
        const matches = finding.certificate !== null && credential.matches(finding.certificate)
        return matches ? null : reject('ERR_CLIENT_CERTIFICATE', { reason: 'name' })
      }
      case 'self_signed_tls_client_auth':
        return presented.method === 'certificate' ? flawOfSelfSigned(credential.thumbprints, evidence.certificate) : MISMATCH
      case 'private_key_jwt':
        return presented.method === 'private_key_jwt' ? flawOfAssertion(client.clientId, credential, presented.credential) : MISMATCH
      case 'client_secret_basic':
      case 'client_secret_post':
        return MISMATCH
    }
  }

  async function flawOfSecret(client: RegisteredClient | null, presented: PresentedClient, inbound: Inbound): Promise<Rejection | null> {
    if (apiKeys === null) return client === null ? UNKNOWN : MISMATCH
    const key = await apiKeys.verify(withApiKey(inbound, presented.credential), certificates.recall(inbound))
    if (client === null) return UNKNOWN
    const { credential } = client
    if (!('owner' in credential) || credential.method !== presented.method) return MISMATCH
    if (key === null) return WRONG_SECRET
    if (isRefusal(key)) return flawOfKey(key)
    return key.owner.value === credential.owner ? null : WRONG_SECRET
  }

  // RFC 8705 §2.2: it is the registered one, or not; who signed it does not matter.
  function flawOfSelfSigned(thumbprints: ReadonlySet<string>, certificate: CertificateMetadata | null): Rejection | null {
    if (certificate === null) return reject('ERR_CLIENT_CERTIFICATE', { reason: 'none' })
    if (!thumbprints.has(certificate['x5t#S256'])) return reject('ERR_CLIENT_CERTIFICATE', { reason: 'another' })
    const nowMs = parts.surroundings.clock.nowMs()
    const isValid = nowMs >= certificate.validFrom.getTime() && nowMs <= certificate.validTo.getTime()
    return isValid ? null : reject('ERR_CLIENT_CERTIFICATE', { reason: 'time' })
  }

  async function flawOfAssertion(
    clientId: string,
    { assertions }: Extract<RegisteredClient['credential'], { method: 'private_key_jwt' }>,
    text: string,
  ): Promise<Rejection | null> {
    const assertion = await assertions.verify(text)
    if (isRefusal(assertion)) {
      if (assertion.code === 'ERR_KEYS_UNAVAILABLE') return reject('ERR_CLIENTS_UNAVAILABLE', { reason: assertion.code }, assertion.cause)
      return reject('ERR_CLIENT_ASSERTION', { reason: assertion.code })
    }
    // Claimed last: an assertion that is not accepted for something else is not used up.
    const claim = await core.store.claim(stateKey('assertion', clientId, assertion.id), assertion.expiresAtMs + core.marginMs)
    if (claim === 'first') return null
    return claim === 'again' ? reject('ERR_CLIENT_ASSERTION_REPLAYED') : reject('ERR_STATE_UNAVAILABLE', { reason: 'full' })
  }

  return { authenticate }
}

/** The request with its client secret where an API key is looked for. */
function withApiKey(inbound: Inbound, secret: string): Inbound {
  return {
    protocol: inbound.protocol,
    method: inbound.method,
    target: inbound.target,
    authority: inbound.authority,
    connection: inbound.connection,
    clientAddress: inbound.clientAddress,
    bodyRead: inbound.bodyRead,
    rawHeaders: ['authorization', `ApiKey ${secret}`],
    header: (name) => (name === 'authorization' ? `ApiKey ${secret}` : null),
  }
}

function flawOfKey({ code, facts, cause }: Refusal): Rejection {
  // Not the client's failure, and not to be told apart from others by whoever is locked out.
  if (code === 'ERR_API_KEY_LOCKED') return reject('ERR_ATTEMPTS_EXCEEDED', facts)
  if (code === 'ERR_API_KEYS_UNAVAILABLE' || code === 'ERR_GUARD_FAULT') return reject('ERR_CLIENTS_UNAVAILABLE', { reason: code }, cause)
  return reject('ERR_CLIENT_SECRET', { reason: code })
}

function flawOfCertificate({ code, cause }: Refusal): Rejection {
  if (code === 'ERR_PEER_REVOCATION_UNKNOWN' || code === 'ERR_GUARD_FAULT')
    return reject('ERR_CLIENTS_UNAVAILABLE', { reason: code }, cause)
  return reject('ERR_CLIENT_CERTIFICATE', { reason: code }, cause)
}

function isRevoked(revocations: RevocationList, certificate: CertificateMetadata): boolean {
  return revocations.has('certificate', certificate['x5t#S256'], certificate.validFrom.getTime())
}

/** Is it the caller's failure, and not ours? */
function isFailure({ code }: Rejection): boolean {
  return rejectionRow(code).error === 'invalid_client'
}
