import { encodePem } from '@countersign/core'
import { mergeExtensions, type SigningIdentity } from './certificate.js'
import { bitString, enumerated, explicit, integer, sequence, time } from './der.js'
import { authorityKeyId, type Extension, encodeExtension } from './extension.js'
import { type SignatureHash, signatureAlgorithm } from './signature-algorithm.js'

/** Why a certificate was revoked (RFC 5280 §5.3.1). */
export type CrlReason = 'keyCompromise' | 'cACompromise' | 'affiliationChanged' | 'superseded' | 'cessationOfOperation' | 'certificateHold'

/** What a CRL should say. */
export interface RevocationListRequest {
  /** The serial numbers are hexadecimal; `revokedAt` defaults to `thisUpdate`. */
  readonly revoked: readonly { readonly serialNumber: string; readonly revokedAt?: Date; readonly reason?: CrlReason }[]
  /** Default: now, by the authority's clock. */
  readonly thisUpdate?: Date
  /** Default: a day after `thisUpdate`; `null` leaves it out, which RFC 5280 §5.1.2.5 does not allow. */
  readonly nextUpdate?: Date | null
  /** CRL number. Default 1. */
  readonly number?: number
  readonly hash?: SignatureHash
  readonly rsaPss?: boolean
  /** Added to AKI and CRL number; one with the OID of those takes its place. */
  readonly extensions?: readonly Extension[]
}

const REASONS: Readonly<Record<CrlReason, number>> = {
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
}
const CRL_NUMBER = '2.5.29.20'
const REASON_CODE = '2.5.29.21'
const DAY_MS = 86_400_000

/** Signs a version 2 CRL (RFC 5280 §5) and returns it as PEM. */
export function signRevocationList(request: RevocationListRequest, issuer: SigningIdentity, nowMs: number): string {
  const algorithm = signatureAlgorithm(issuer.key, request.hash ?? 'sha256', request.rsaPss ?? false)
  const thisUpdate = request.thisUpdate ?? new Date(nowMs)
  const nextUpdate = request.nextUpdate === undefined ? new Date(thisUpdate.getTime() + DAY_MS) : request.nextUpdate
  const entries = request.revoked.map(({ serialNumber, revokedAt = thisUpdate, reason }) =>
    sequence(integer(BigInt(`0x${serialNumber}`)), time(revokedAt), ...(reason === undefined ? [] : [sequence(reasonCode(reason))])),
  )
  const usual = [authorityKeyId(issuer.keyId), { oid: CRL_NUMBER, value: integer(request.number ?? 1) }]
  const extensions = mergeExtensions(usual, request.extensions ?? [])
  const body = sequence(
    integer(1),
    algorithm.identifier,
    issuer.subject,
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(0, sequence(...extensions.map(encodeExtension))),
  )
  return encodePem('X509 CRL', sequence(body, algorithm.identifier, bitString(algorithm.sign(body))))
}

function reasonCode(reason: CrlReason): Uint8Array {
  return encodeExtension({ oid: REASON_CODE, value: enumerated(REASONS[reason]) })
}
