import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import {
  type CertificateMetadata,
  type Code,
  checkChoice,
  checkKeys,
  checkList,
  checkText,
  type Facts,
  kindOf,
  MisuseError,
  parseSpiffeId,
} from '@countersign/core'
import { metadataFrom } from '../certificate/certificate-metadata.js'
import { keyObjectFrom } from '../certificate/public-key.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from '../certificate/read-certificate.js'
import { pemBlocks } from '../der/pem.js'
import type { ChainRequest } from './chain-request.js'
import { hostFrom } from './match-names.js'
import { verifyChain } from './verify-chain.js'

/** The certificate and key of a service, before it is registered. */
export interface CredentialRequest extends Pick<ChainRequest, 'anchors' | 'time' | 'minimum' | 'clockSkewSeconds'> {
  /** PEM: the service's own certificate first, intermediates after it, at most sixteen in all. */
  readonly certificate: string
  /** PEM of the private key, not encrypted. It is compared with the certificate, and not kept. */
  readonly key: string
  /** The name of the service: a SPIFFE ID or a DNS name. The certificate must hold this very name. */
  readonly id: string
  /** What the certificate must be good for, each of them. Default both. */
  readonly purposes?: readonly ('client' | 'server')[]
}

export type CredentialResult =
  | {
      readonly valid: true
      readonly certificate: CertificateMetadata
      /** Leaf first, anchor last. */
      readonly path: readonly CertificateMetadata[]
    }
  /** `ERR_CREDENTIAL_UNREADABLE`: the key, with a `reason`: `key-encrypted`, `key-unreadable`, or `key-mismatch` where it is another's. */
  | { readonly valid: false; readonly code: Code | 'ERR_CREDENTIAL_UNREADABLE'; readonly facts: Facts }

const KEYS = ['certificate', 'key', 'anchors', 'id', 'purposes', 'time', 'minimum', 'clockSkewSeconds']
const MAX_CHAIN = 16
const MAX_PEM_BYTES = 2 * MAX_CHAIN * MAX_CERTIFICATE_BYTES
/** A key of 16,384 bits takes 13 KB in PEM. */
const MAX_KEY_BYTES = 65_536

/**
 * Checks the credential of a service before it is used or registered: the certificate can be read and is in date, the key belongs to it, a
 * trusted CA issued it, it is good for TLS on both sides, and it names the service and, for a SPIFFE ID, nobody else. Keeps nothing.
 *
 * @returns Why it is not good, as a code. The first thing that is wrong counts.
 * @throws {MisuseError} for a wrong request (`ERR_OPTION_…`).
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { verifyCredential } from '@countersign/x509'
 *
 * const result = verifyCredential({
 *   certificate: readFileSync('orders.pem', 'utf8'),
 *   key: readFileSync('orders.key', 'utf8'),
 *   anchors: [readFileSync('ca.pem')],
 *   id: 'spiffe://prod.example/orders',
 * })
 * console.log(result.valid ? result.certificate.validTo : result.code)
 * ```
 */
export function verifyCredential(request: CredentialRequest): CredentialResult {
  const { certificate, key, id, purposes, rest } = checkRequest(request)
  const ders = certificate.length > MAX_PEM_BYTES ? null : pemBlocks(certificate, 'CERTIFICATE')
  // The first one alone may be the service's: where it is damaged, the next is not taken for it.
  const [leafDer, ...intermediates] = ders ?? []
  if (leafDer === undefined || intermediates.length >= MAX_CHAIN)
    return refused('ERR_PEER_UNREADABLE', 'not a chain of PEM blocks CERTIFICATE')
  const leaf = readCertificate(leafDer)
  if (typeof leaf === 'string') return refused('ERR_PEER_UNREADABLE', leaf)
  const unfitting = checkPrivateKey(leaf, key)
  if (unfitting !== null) return refused('ERR_CREDENTIAL_UNREADABLE', unfitting)
  let path: readonly CertificateMetadata[] = []
  for (const purpose of purposes) {
    const result = verifyChain({ ...rest, leaf: leafDer, intermediates, purpose })
    if (!result.valid) return result
    path = result.path
  }
  const own = path[0] ?? metadataFrom(leaf)
  const reason = misnamed(own, id)
  return reason === null ? { valid: true, certificate: own, path } : refused('ERR_PEER_NAME_NOT_PERMITTED', reason)
}

function refused(code: Code | 'ERR_CREDENTIAL_UNREADABLE', reason: string): CredentialResult {
  return { valid: false, code, facts: { reason } }
}

interface Checked {
  readonly certificate: string
  readonly key: string
  readonly id: string
  readonly purposes: readonly ('client' | 'server')[]
  readonly rest: Pick<ChainRequest, 'anchors' | 'time' | 'minimum' | 'clockSkewSeconds'>
}

function checkRequest(request: CredentialRequest): Checked {
  checkKeys('', request, KEYS)
  const { certificate, key, id, purposes = ['client', 'server'], ...rest } = request
  return {
    certificate: checkText('certificate', certificate),
    key: checkText('key', key),
    id: checkId(id),
    purposes: checkList('purposes', purposes).map((purpose, i) => checkChoice(`purposes[${i}]`, purpose, ['client', 'server'])),
    rest,
  }
}

function checkId(id: unknown): string {
  if (typeof id === 'string' && (parseSpiffeId(id)?.path || (!id.includes('*') && hostFrom(id) !== null))) return id
  throw new MisuseError('ERR_OPTION_INVALID', 'id', `takes the SPIFFE ID of a workload or a DNS name, not ${kindOf(id)}`)
}

/** Why the key is not that of the certificate. */
function checkPrivateKey(leaf: ParsedCertificate, pem: string): 'key-encrypted' | 'key-unreadable' | 'key-mismatch' | null {
  if (pem.length > MAX_KEY_BYTES) return 'key-unreadable'
  if (pem.includes('ENCRYPTED')) return 'key-encrypted'
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    return 'key-unreadable'
  }
  const expected = keyObjectFrom(leaf.key)
  // A key that is not accepted is refused for that, with the path.
  return expected === null || spkiOf(createPublicKey(key)).equals(spkiOf(expected)) ? null : 'key-mismatch'
}

// KeyObject.equals leaves an error of OpenSSL behind where the kinds differ, which the next use of a key is then blamed for.
function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** Why the certificate is not one for this name. X.509-SVID §2: a SPIFFE ID is the only URI. A wildcard names nobody. */
function misnamed({ sans }: CertificateMetadata, id: string): 'no-such-name' | 'more-than-one-uri' | null {
  if (parseSpiffeId(id) === null) return sans.dns.some((name) => name.toLowerCase() === hostFrom(id)) ? null : 'no-such-name'
  if (!sans.uri.includes(id)) return 'no-such-name'
  return sans.uri.length > 1 ? 'more-than-one-uri' : null
}
