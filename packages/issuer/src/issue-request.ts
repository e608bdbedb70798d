import type { KeyObject } from 'node:crypto'
import { checkBoolean, checkChoice, checkInteger, checkKeys, type KeyUsage, MisuseError, parseSpiffeId } from '@countersign/core'
import type { AlternativeNames, ExtendedKeyUsage, Extension } from './extension.js'
import { DEFAULT_RSA_BITS, type KeyKind, MIN_RSA_BITS, WEAK_RSA_BITS } from './key-pair.js'
import type { SignatureHash } from './signature-algorithm.js'

/**
 * What a certificate should hold. The defaults make a sound leaf; every part can be bent, so that tests can have each certificate
 * that a verifier must refuse.
 */
export interface IssueRequest extends AlternativeNames {
  /** Default: the last segment of `spiffeId`, else the first of `dns`, else `workload`. An empty text: no subject at all. */
  readonly commonName?: string
  /** Written as the first URI. A wrong one belongs into `uris`, which nobody checks. */
  readonly spiffeId?: string
  /** A kind to generate, or a private key to use again. Default `ec` (P-256). */
  readonly key?: KeyKind | KeyObject
  /** Default 3072; below 2048 only with `dangerouslyWeak`. */
  readonly rsaBits?: number
  /** Default: now, by the authority's clock, in whole seconds. */
  readonly validFrom?: Date
  /** Default 86,400 (a day) for a leaf. */
  readonly validSeconds?: number
  /** Default clientAuth and serverAuth; `null`: without the extension. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[] | null
  /** Default digitalSignature for a leaf, keyCertSign and cRLSign for a CA; `null`: without the extension. */
  readonly keyUsage?: readonly KeyUsage[] | null
  /** Default `false`. */
  readonly isCa?: boolean
  /** Only for a CA. Default: no limit. */
  readonly pathLength?: number
  /** Hash of the signature. Default `sha256`; `sha1` only with `dangerouslyWeak`. */
  readonly hash?: SignatureHash
  /** An RSA authority signs with RSASSA-PSS. Default `false`. */
  readonly rsaPss?: boolean
  /** Lowercase hexadecimal. Default: 127 random bits. */
  readonly serialNumber?: string
  /** Added to the usual ones; one with the OID of a usual one takes its place. */
  readonly extensions?: readonly Extension[]
  /** Allows `sha1` and RSA below 2048 bits, for tests of what refuses them. Default `false`. */
  readonly dangerouslyWeak?: boolean
}

const KEYS = [
  'commonName',
  'spiffeId',
  'uris',
  'dns',
  'ip',
  'email',
  'key',
  'rsaBits',
  'validFrom',
  'validSeconds',
  'extendedKeyUsage',
  'keyUsage',
  'isCa',
  'pathLength',
  'hash',
  'rsaPss',
  'serialNumber',
  'extensions',
  'dangerouslyWeak',
] as const
const HASHES = ['sha256', 'sha384', 'sha512', 'sha1'] as const
const MAX_RSA_BITS = 8192 // above this a synchronous key generation stands still for minutes
const MAX_VALID_SECONDS = 100 * 366 * 86_400

/** @throws {MisuseError} for a request that no certificate can be made of, or a weak one that was not asked for by name. */
export function checkIssueRequest(option: string, request: IssueRequest): void {
  const given: unknown = request
  checkKeys(option, given, KEYS)
  const weak = request.dangerouslyWeak === undefined ? false : checkBoolean(`${option}.dangerouslyWeak`, request.dangerouslyWeak)
  if (request.spiffeId !== undefined && parseSpiffeId(request.spiffeId) === null) {
    throw new MisuseError('ERR_OPTION_INVALID', `${option}.spiffeId`, 'takes a SPIFFE ID such as spiffe://prod.example/orders')
  }
  checkInteger(`${option}.rsaBits`, request.rsaBits ?? DEFAULT_RSA_BITS, minRsaBits(request), MAX_RSA_BITS)
  const hash = checkChoice(`${option}.hash`, request.hash ?? 'sha256', HASHES)
  if (hash === 'sha1' && !weak)
    throw new MisuseError('ERR_OPTION_INVALID', `${option}.hash`, 'takes sha1 only together with dangerouslyWeak: true')
  if (request.validSeconds !== undefined) checkInteger(`${option}.validSeconds`, request.validSeconds, 1, MAX_VALID_SECONDS)
  if (request.validFrom !== undefined && !(request.validFrom instanceof Date && !Number.isNaN(request.validFrom.getTime())))
    throw new MisuseError('ERR_OPTION_INVALID', `${option}.validFrom`, 'takes a valid Date')
  if (request.serialNumber !== undefined && !/^[0-9a-f]{1,40}$/.test(request.serialNumber))
    throw new MisuseError('ERR_OPTION_INVALID', `${option}.serialNumber`, 'takes 1 to 40 lowercase hexadecimal digits')
}

/** The least bits that an RSA key may have for this request. */
export function minRsaBits(request: IssueRequest): number {
  return request.dangerouslyWeak === true ? WEAK_RSA_BITS : MIN_RSA_BITS
}
