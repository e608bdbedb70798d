import { type Refusal, refuse } from '@countersign/core'

/** Roles of the fields of all formats: our own names, which facts may hold. */
export type ForwardedRole =
  | 'certificate'
  | 'clientCert'
  | 'chain'
  | 'chain0'
  | 'chain1'
  | 'chain2'
  | 'chain3'
  | 'xfcc'
  | 'identity'
  | 'context'
  | 'verify'
  | 'used'
  | 'present'
  | 'verified'
  | 'revoked'
  | 'error'
  | 'hash'
  | 'fingerprint'
  | 'serial'
  | 'spiffeId'
  | 'validity'
  | 'uri'
  | 'dns'
  | 'format'
  | 'options'

/** Everything that a refusal of forwarded evidence can give as its reason. */
export type ForwardedReason =
  // too large
  | 'bytes'
  | 'certificates'
  | 'elements'
  // malformed
  | 'type'
  | 'characters'
  | 'percent-encoding'
  | 'base64'
  | 'pem'
  | 'leaf'
  | 'intermediate'
  | 'chain-without-leaf'
  | 'byte-sequence'
  | 'parameters'
  | 'quotes'
  | 'pair'
  | 'json'
  | 'hash'
  | 'identity'
  | 'unknown-format'
  | 'unknown-role'
  | 'unknown-option'
  // ambiguous
  | 'list'
  | 'repeated'
  // hops
  | 'too-few-elements'
  | 'no-count'
  // mismatch
  | 'certificate-missing'
  | 'differs'
  // unverified
  | 'signal-missing'
  | 'none'
  | 'failed'
  | 'generous'
  | 'revoked'
  | 'proxy-error'
  | 'unknown'

type Reason<T extends ForwardedReason> = T

/** It is no value of the format. */
export function malformed(field: ForwardedRole, reason: ForwardedReason): Refusal {
  return refuse('ERR_FORWARDED_MALFORMED', { field, reason })
}

/** More than is decoded. */
export function tooLarge(field: ForwardedRole, reason: Reason<'bytes' | 'certificates' | 'elements'>): Refusal {
  return refuse('ERR_FORWARDED_TOO_LARGE', { field, reason })
}

/** More than one where there can be one. */
export function ambiguous(field: ForwardedRole, reason: Reason<'list' | 'repeated'>): Refusal {
  return refuse('ERR_FORWARDED_AMBIGUOUS', { field, reason })
}

/** Two things that the proxy says cannot both be true. */
export function mismatch(field: ForwardedRole, reason: Reason<'certificate-missing' | 'differs'>): Refusal {
  return refuse('ERR_FORWARDED_MISMATCH', { field, reason })
}

/** The proxy does not say that it verified the certificate. */
export function unverified(field: ForwardedRole, reason: ForwardedReason): Refusal {
  return refuse('ERR_FORWARDED_UNVERIFIED', { field, reason })
}

/** Fewer elements than trusted hops, or a count of hops that is none. */
export function hopsMissing(field: ForwardedRole, hops: number, elements: number): Refusal {
  const counted = Number.isSafeInteger(hops) && hops >= 1
  return refuse('ERR_FORWARDED_HOPS', {
    field,
    reason: counted ? 'too-few-elements' : 'no-count',
    hops: counted ? hops : null,
    elements,
  })
}
