import { isRefusal } from '@countersign/core'
import { sameBytes } from '../der/der-values.js'
import { decodeBase64Der } from './base64-der.js'
import { decodeClientCert, parseClientCert } from './client-cert.js'
import { defineFormat } from './define-format.js'
import { decodeEscapedPem } from './escaped-pem.js'
import type { ForwardedFields, ForwardedResult } from './format.js'
import { isSerial, isSha256Hex, isValidity } from './redundant.js'
import { mismatch } from './refusals.js'
import { checked, fieldOf, judged, type Signal, type Texts, textsOf } from './signal.js'

const CLIENT_CERT = { certificate: 'client-cert', chain: 'client-cert-chain' }

/**
 * proxy-passed-through: no field says that it was verified. Source: the text of RFC 9440. Needs a proxy that removes both fields from every
 * request that comes in (§2.4).
 */
export const rfc9440 = defineFormat({
  name: 'rfc9440',
  fields: CLIENT_CERT,
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields) => parseClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain')),
})

/**
 * proxy-passed-through: the values are there whatever became of the check. Unverified. Needs rules that set or remove both fields on every
 * request, and only where cert_verified is true and cert_revoked is false.
 */
export const cloudflareRfc9440 = defineFormat({
  name: 'cloudflare-rfc9440',
  fields: { ...CLIENT_CERT, verified: 'cf-cert-verified', revoked: 'cf-cert-revoked', present: 'cf-cert-presented' },
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: parseCloudflareClientCert,
})

/**
 * proxy-verified, by Cf-Cert-Verified true and Cf-Cert-Revoked false. Unverified. Needs client certificate forwarding and the managed
 * transform that adds the TLS client fields.
 */
export const cloudflare = defineFormat({
  name: 'cloudflare',
  fields: {
    certificate: 'cf-client-cert-der-base64',
    hash: 'cf-client-cert-sha256',
    verified: 'cf-cert-verified',
    revoked: 'cf-cert-revoked',
    present: 'cf-cert-presented',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseCloudflare,
})

/**
 * proxy-passed-through: -Present is 1 in the passthrough mode too, which validates nothing. Unverified. Needs an origin request policy with
 * -Present, and -Pem or Client-Cert; -Sha256, -Serial-Number and -Validity are held against the leaf.
 */
export const cloudfront = defineFormat({
  name: 'cloudfront',
  fields: {
    certificate: 'cloudfront-viewer-cert-pem',
    present: 'cloudfront-viewer-cert-present',
    hash: 'cloudfront-viewer-cert-sha256',
    serial: 'cloudfront-viewer-cert-serial-number',
    validity: 'cloudfront-viewer-cert-validity',
    clientCert: 'client-cert',
    chain: 'client-cert-chain',
  },
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: parseCloudFront,
})

/** Cloudflare's fields of RFC 9440: a rule in it decides when they are sent; where the managed transform speaks too, it is listened to. */
function parseCloudflareClientCert(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verified', 'revoked', 'present')
  if (isRefusal(texts)) return texts
  const decoded = decodeClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain'), 'certificate')
  if (decoded === null && texts.present === 'true') return mismatch('certificate', 'certificate-missing')
  const signal = cloudflareSignal(texts)
  return checked(signal === 'silent' ? decoded : judged(decoded, signal, 'verified'), fields, [], 'proxy-passed-through')
}

/** Cloudflare's own fields: base64 of the DER, its hash, and what the managed transform says of the check. */
function parseCloudflare(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verified', 'revoked', 'present')
  if (isRefusal(texts)) return texts
  const decoded = decodeBase64Der(fieldOf(fields, 'certificate'), 'certificate')
  if (decoded === null && texts.present === 'true') return mismatch('certificate', 'certificate-missing')
  return checked(judged(decoded, cloudflareSignal(texts), 'verified'), fields, [['hash', isSha256Hex]], 'proxy-verified')
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
function parseCloudFront(fields: ForwardedFields): ForwardedResult {
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
