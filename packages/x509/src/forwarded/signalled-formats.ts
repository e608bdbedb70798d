import { isRefusal, type Refusal } from '@countersign/core'
import { sameBytes } from '../der-values.js'
import { decodeBase64Der, decodeConcatenatedDer } from './base64-der.js'
import type { Decoded } from './certificates.js'
import { decodeClientCert } from './client-cert.js'
import { decodeEscapedPem } from './escaped-pem.js'
import { fieldText } from './field-text.js'
import { decodeFoldedPem, decodePemOrBase64 } from './folded-pem.js'
import type { ForwardedFields, ForwardedResult } from './format.js'
import { isSerial, isSha1Hex, isSha256Base64, isSha256Hex, isSpiffeId, isValidity } from './redundant.js'
import { type ForwardedRole, malformed, mismatch } from './refusals.js'
import { checked, fieldOf, judged, type Signal, verifySignal } from './signal.js'

/** What GCP says in `client_cert_error` of a client that simply has no certificate. */
const GCP_NO_CERTIFICATE = 'client_cert_not_provided'
const APACHE_CHAIN = ['chain0', 'chain1', 'chain2', 'chain3'] as const satisfies readonly ForwardedRole[]

/** Values by role, without the white space around them. */
type Texts<R extends ForwardedRole> = Readonly<Record<R, string>>

function textsOf<const R extends ForwardedRole>(fields: ForwardedFields, ...roles: readonly R[]): Texts<R> | Refusal {
  const texts: Partial<Record<R, string>> = {}
  for (const role of roles) {
    const text = fieldText(fieldOf(fields, role), role)
    if (isRefusal(text)) return text
    texts[role] = text
  }
  return texts as Texts<R>
}

/** nginx and ingress-nginx: escaped PEM, and `$ssl_client_verify`. */
export function parseNginx(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const decoded = decodeEscapedPem(fieldOf(fields, 'certificate'), 'certificate')
  return checked(judged(decoded, verifySignal(texts.verify), 'verify'), fields, [], 'proxy-verified')
}

/** Apache httpd: folded PEM, intermediates in fields of their own, and `SSL_CLIENT_VERIFY`. */
export function parseApache(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const leaf = decodeFoldedPem(fieldOf(fields, 'certificate'), 'certificate')
  if (isRefusal(leaf)) return leaf
  const intermediates: Uint8Array[] = []
  for (const role of APACHE_CHAIN) {
    const decoded = decodeFoldedPem(fieldOf(fields, role), role)
    if (isRefusal(decoded)) return decoded
    intermediates.push(...(decoded ?? []))
  }
  return checked(judged(chained(leaf, intermediates), verifySignal(texts.verify), 'verify'), fields, [], 'proxy-verified')
}

/** HAProxy: base64 of the DER, with quotes or without, the chain concatenated, `ssl_c_verify`, and `ssl_c_used` beside it. */
export function parseHaproxy(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'certificate', 'chain', 'verify', 'used')
  if (isRefusal(texts)) return texts
  const leaf = decodeBase64Der(unquoted(texts.certificate), 'certificate')
  if (isRefusal(leaf)) return leaf
  const chain = decodeConcatenatedDer(unquoted(texts.chain), 'chain')
  if (isRefusal(chain)) return chain
  return checked(judged(chained(leaf, chain), haproxySignal(texts), texts.used === '1' ? 'verify' : 'used'), fields, [], 'proxy-verified')
}

// `ssl_c_verify` is 0 where there is no certificate too: it says something only beside a certificate that was used.
function haproxySignal({ verify, used }: Texts<'verify' | 'used'>): Signal {
  const number = unquoted(verify)
  if (number !== '' && number !== '0') return /^\d{1,9}$/.test(number) ? 'failed' : 'unknown'
  switch (unquoted(used)) {
    case '1':
      return number === '0' ? 'verified' : 'silent'
    case '0':
      return 'none'
    case '':
      return 'silent'
    default:
      return 'unknown'
  }
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}

/** Leaf and intermediates in one list; the leaf is not taken twice where the chain begins with it. */
function chained(leaf: readonly Uint8Array[] | null, chain: readonly Uint8Array[]): Decoded {
  const [own] = leaf ?? []
  const [first] = chain
  if (own === undefined) return first === undefined ? null : malformed('chain', 'chain-without-leaf')
  return [own, ...(first !== undefined && sameBytes(own, first) ? chain.slice(1) : chain)]
}

/** Google Cloud: the fields of RFC 9440, and three that say what became of the check. */
export function parseGcp(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'present', 'verified', 'error')
  if (isRefusal(texts)) return texts
  const decoded = decodeClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain'), 'certificate')
  return checked(
    judged(decoded, gcpSignal(texts), texts.error === '' ? 'verified' : 'error'),
    fields,
    [
      ['hash', isSha256Base64],
      ['spiffeId', isSpiffeId],
    ],
    'proxy-verified',
  )
}

function gcpSignal({ present, verified, error }: Texts<'present' | 'verified' | 'error'>): Signal {
  const said = `${present},${verified}`
  if (error !== '') return error === GCP_NO_CERTIFICATE && (said === 'false,false' || said === 'false,') ? 'none' : 'proxy-error'
  switch (said) {
    case 'true,true':
      return 'verified'
    case 'true,false':
      return 'failed'
    case 'false,false':
    case 'false,':
      return 'none'
    case 'true,':
    case ',':
    case ',true':
    case ',false':
      return 'silent'
    default:
      return 'unknown'
  }
}

/** Azure Application Gateway: PEM or base64, and `{var_client_certificate_verification}`. */
export function parseAppGateway(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const decoded = decodePemOrBase64(fieldOf(fields, 'certificate'), 'certificate')
  return checked(
    judged(decoded, verifySignal(texts.verify), 'verify'),
    fields,
    [
      ['fingerprint', isSha1Hex],
      ['serial', isSerial],
    ],
    'proxy-verified',
  )
}

/** Cloudflare's own fields: base64 of the DER, its hash, and what the managed transform says of the check. */
export function parseCloudflare(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verified', 'revoked', 'present')
  if (isRefusal(texts)) return texts
  const decoded = decodeBase64Der(fieldOf(fields, 'certificate'), 'certificate')
  if (decoded === null && texts.present === 'true') return mismatch('certificate', 'certificate-missing')
  return checked(judged(decoded, cloudflareSignal(texts), 'verified'), fields, [['hash', isSha256Hex]], 'proxy-verified')
}

/** Cloudflare's fields of RFC 9440: a rule in it decides when they are sent; where the managed transform speaks too, it is listened to. */
export function parseCloudflareClientCert(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verified', 'revoked', 'present')
  if (isRefusal(texts)) return texts
  const decoded = decodeClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain'), 'certificate')
  if (decoded === null && texts.present === 'true') return mismatch('certificate', 'certificate-missing')
  const signal = cloudflareSignal(texts)
  return checked(signal === 'silent' ? decoded : judged(decoded, signal, 'verified'), fields, [], 'proxy-passed-through')
}

function cloudflareSignal({ verified, revoked, present }: Texts<'verified' | 'revoked' | 'present'>): Signal {
  if (![verified, revoked, present].every((text) => text === '' || text === 'true' || text === 'false')) return 'unknown'
  if (revoked === 'true') return 'revoked'
  if (present === 'false') return verified === 'true' ? 'unknown' : 'none'
  if (verified === 'true') return revoked === 'false' ? 'verified' : 'silent'
  if (verified === 'false') return present === 'true' ? 'failed' : 'none'
  return 'silent'
}

/** CloudFront: escaped PEM, the fields of RFC 9440, or both, and what it says of the leaf. */
export function parseCloudFront(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'present')
  if (isRefusal(texts)) return texts
  const pem = decodeEscapedPem(fieldOf(fields, 'certificate'), 'certificate')
  if (isRefusal(pem)) return pem
  const sequence = decodeClientCert(fieldOf(fields, 'clientCert'), fieldOf(fields, 'chain'), 'clientCert')
  if (isRefusal(sequence)) return sequence
  const [one, other] = [pem?.[0], sequence?.[0]]
  if (one !== undefined && other !== undefined && !sameBytes(one, other)) return mismatch('clientCert', 'differs')
  return checked(
    judged(sequence ?? pem, cloudFrontSignal(texts.present), 'present'),
    fields,
    [
      ['hash', isSha256Hex],
      ['serial', isSerial],
      ['validity', isValidity],
    ],
    'proxy-passed-through',
  )
}

function cloudFrontSignal(present: string): Signal {
  if (present === '') return 'silent'
  return present === '1' ? 'verified' : present === '0' ? 'none' : 'unknown'
}

/** AWS load balancer that verifies: escaped PEM of the leaf, and what it says of it. */
export function parseAlbVerify(fields: ForwardedFields): ForwardedResult {
  return checked(
    decodeEscapedPem(fieldOf(fields, 'certificate'), 'certificate'),
    fields,
    [
      ['serial', isSerial],
      ['validity', isValidity],
    ],
    'proxy-verified',
  )
}

/** Caddy: base64 of the DER, and its hash where the configuration sends it. */
export function parseCaddy(fields: ForwardedFields): ForwardedResult {
  return checked(decodeBase64Der(fieldOf(fields, 'certificate'), 'certificate'), fields, [['hash', isSha256Hex]], 'proxy-passed-through')
}
