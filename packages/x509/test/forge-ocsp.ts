import { createHash, type KeyObject } from 'node:crypto'
import { bits, der, NULL, octets, oid, sequence, text } from './der.js'
import { DAY_MS, ECDSA_SHA256, extension, type Forged, NOW_MS, type SignatureKind } from './forge.js'

export interface ForgeOcspOptions {
  readonly issuer: Forged
  /** INTEGER. */
  readonly serial: Uint8Array
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** CRLReason of a revocation. */
  readonly reason?: number
  readonly hash?: 'sha1' | 'sha256' | 'sha512'
  readonly thisUpdateMs?: number
  /** `null`: none. */
  readonly nextUpdateMs?: number | null
  readonly producedAtMs?: number
  /** Who signs, and names itself. Default: the issuer. */
  readonly responder?: Forged
  readonly byKey?: boolean
  readonly certificates?: readonly Uint8Array[]
  readonly nonce?: Uint8Array | null
  readonly extensions?: readonly Uint8Array[]
  readonly signer?: KeyObject
  readonly signature?: SignatureKind
  /** More answers beside it. */
  readonly others?: readonly Uint8Array[]
}

const HASH_OIDS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1', sha512: '2.16.840.1.101.3.4.2.3' } as const
export const NONCE = '1.3.6.1.5.5.7.48.1.2'
export const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'

const generalizedTime = (ms: number): Uint8Array => text(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, ''), 0x18)

export function forgeAnswer(options: ForgeOcspOptions): Uint8Array {
  const { issuer, serial, status = 'good', hash = 'sha1', thisUpdateMs = NOW_MS - 3_600_000, nextUpdateMs = NOW_MS + DAY_MS } = options
  const digest = (bytes: Uint8Array): Uint8Array => octets(createHash(hash).update(bytes).digest())
  const certId = sequence(sequence(oid(HASH_OIDS[hash]), NULL), digest(issuer.subject), digest(keyBits(issuer)), serial)
  const reason = options.reason === undefined ? [] : [der(0xa0, der(0x0a, Uint8Array.of(options.reason)))]
  const state = { good: der(0x80), unknown: der(0x82), revoked: der(0xa1, generalizedTime(thisUpdateMs), ...reason) }[status]
  const next = nextUpdateMs === null ? [] : [der(0xa0, generalizedTime(nextUpdateMs))]
  return sequence(certId, state, generalizedTime(thisUpdateMs), ...next)
}

export function forgeOcsp(options: ForgeOcspOptions): Uint8Array {
  const { issuer, responder = issuer, byKey = false, certificates = [], nonce = null, extensions = [], others = [] } = options
  const { signature = ECDSA_SHA256, signer = responder.privateKey, producedAtMs = options.thisUpdateMs ?? NOW_MS - 3_600_000 } = options
  const all = [...(nonce === null ? [] : [extension(NONCE, false, octets(nonce))]), ...extensions]
  const data = sequence(
    byKey ? der(0xa2, octets(createHash('sha1').update(keyBits(responder)).digest())) : der(0xa1, responder.subject),
    generalizedTime(producedAtMs),
    sequence(forgeAnswer(options), ...others),
    ...(all.length === 0 ? [] : [der(0xa1, sequence(...all))]),
  )
  const basic = sequence(
    data,
    signature.algorithm,
    bits(signature.sign(data, signer)),
    ...(certificates.length === 0 ? [] : [der(0xa0, sequence(...certificates))]),
  )
  return wrapOcsp(basic)
}

export function wrapOcsp(basic: Uint8Array, type = '1.3.6.1.5.5.7.48.1.1'): Uint8Array {
  return sequence(der(0x0a, Uint8Array.of(0)), der(0xa0, sequence(oid(type), octets(basic))))
}

/** What a responder says instead of an answer. */
export const ocspStatus = (status: number): Uint8Array => sequence(der(0x0a, Uint8Array.of(status)))

/** The nonce of a request as ours are written: 32 octets in two OCTET STRINGs. */
export function nonceOf(request: Uint8Array): Uint8Array | null {
  const at = Buffer.from(request).indexOf(oid(NONCE))
  return at < 0 ? null : request.subarray(at + 11 + 4, at + 11 + 4 + 32)
}

// The BIT STRING of a P-256 key ends its SubjectPublicKeyInfo.
function keyBits({ spki }: Forged): Uint8Array {
  return spki.subarray(spki.length - 65)
}
