import type { KeyObject } from 'node:crypto'
import { type Clock, checkInteger, checkKeys, encodePem, MisuseError, parseSpiffeId } from '@countersign/core'
import type { SigningIdentity } from './certificate.js'
import type { Extension } from './extension.js'
import type { IssueRequest } from './issue-request.js'
import { type IssuedCertificate, type IssuingRuntime, issueCertificate, SYSTEM_RUNTIME } from './issued-certificate.js'
import { type KeyKind, keyPemOf } from './key-pair.js'
import { readAuthority } from './read-authority.js'
import { type RevocationListRequest, signRevocationList } from './revocation-list.js'
import type { SignatureHash } from './signature-algorithm.js'

/** A certificate authority for development and tests. Its key is in this process's memory: never use it in production. */
export interface DevAuthority {
  readonly certificatePem: string
  readonly certificateDer: Uint8Array
  /** PKCS #8, not encrypted. */
  readonly keyPem: string
  /** This authority's certificate and the intermediates above it, the root left out; empty for a root. */
  readonly intermediates: readonly Uint8Array[]
  readonly validTo: Date
  /** @throws {MisuseError} for a request that no certificate can be made of. */
  issue(request: IssueRequest): IssuedCertificate
  /** An intermediate below this authority. */
  issueAuthority(options?: DevAuthorityOptions): DevAuthority
  /** A CRL in PEM, signed by this authority. */
  revocationList(request: RevocationListRequest): string
}

/** What an authority should be. */
export interface DevAuthorityOptions {
  /** CN of the authority. Default `Countersign development CA`. */
  readonly name?: string
  /** Written as the URI `spiffe://…` of the authority. Default `null`: none. */
  readonly trustDomain?: string | null
  /** Default `ec` (P-256). */
  readonly key?: KeyKind | KeyObject
  /** Default 3072. */
  readonly rsaBits?: number
  /** Default: now, by `clock`. */
  readonly validFrom?: Date
  /** Default a year. */
  readonly validSeconds?: number
  /** How many authorities may stand below this one. Default: no limit. */
  readonly pathLength?: number
  /** Hash of the authority's own certificate. Default `sha256`. */
  readonly hash?: SignatureHash
  readonly rsaPss?: boolean
  readonly serialNumber?: string
  readonly extensions?: readonly Extension[]
  readonly dangerouslyWeak?: boolean
  /** Default: the system's. An intermediate's default is its parent's. */
  readonly clock?: Clock
  readonly randomBytes?: (size: number) => Uint8Array
}

const KEYS = [
  'name',
  'trustDomain',
  'key',
  'rsaBits',
  'validFrom',
  'validSeconds',
  'pathLength',
  'hash',
  'rsaPss',
  'serialNumber',
  'extensions',
  'dangerouslyWeak',
  'clock',
  'randomBytes',
] as const
const YEAR_SECONDS = 365 * 86_400
const MAX_PATH_LENGTH = 100

/**
 * Makes a root authority.
 * @example
 * const authority = createDevAuthority({ trustDomain: 'prod.example' })
 * const orders = authority.issue({ spiffeId: 'spiffe://prod.example/orders', dns: ['orders'] })
 * @throws {MisuseError} for a wrong option.
 */
export function createDevAuthority(options: DevAuthorityOptions = {}): DevAuthority {
  return makeAuthority(options, 'self', [], SYSTEM_RUNTIME)
}

/**
 * Takes up an authority made before, from its PEM files.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` if they cannot be read, do not belong together or are not a CA's.
 */
export function openDevAuthority(
  pem: { readonly certificatePem: string; readonly keyPem: string },
  runtime: Partial<IssuingRuntime> = {},
): DevAuthority {
  const { certificateDer, identity, isRoot, validTo } = readAuthority(pem)
  return authorityOf(certificateDer, identity, isRoot ? [] : [certificateDer], validTo, { ...SYSTEM_RUNTIME, ...runtime })
}

/** A leaf that vouches for itself, for tests of what refuses it. */
export function createSelfSigned(request: IssueRequest, runtime: Partial<IssuingRuntime> = {}): IssuedCertificate {
  return issueCertificate('request', request, 'self', [], { ...SYSTEM_RUNTIME, ...runtime }).issued
}

function makeAuthority(
  options: DevAuthorityOptions,
  issuer: SigningIdentity | 'self',
  above: readonly Uint8Array[],
  inherited: IssuingRuntime,
): DevAuthority {
  const given: unknown = options
  checkKeys('options', given, KEYS)
  const { name = 'Countersign development CA', trustDomain = null, clock, randomBytes, ...rest } = options
  if (trustDomain !== null && parseSpiffeId(`spiffe://${trustDomain}`)?.path !== '')
    throw new MisuseError('ERR_OPTION_INVALID', 'options.trustDomain', 'takes a trust domain such as prod.example')
  if (rest.pathLength !== undefined) checkInteger('options.pathLength', rest.pathLength, 0, MAX_PATH_LENGTH)
  const runtime = { clock: clock ?? inherited.clock, randomBytes: randomBytes ?? inherited.randomBytes }
  const request: IssueRequest = {
    validSeconds: YEAR_SECONDS,
    ...rest,
    commonName: name,
    isCa: true,
    ...(trustDomain === null ? {} : { spiffeId: `spiffe://${trustDomain}` }),
  }
  const { issued, identity } = issueCertificate('options', request, issuer, [], runtime)
  const intermediates = issuer === 'self' ? [] : [issued.certificateDer, ...above]
  return authorityOf(issued.certificateDer, identity, intermediates, issued.validTo, runtime)
}

function authorityOf(
  certificateDer: Uint8Array,
  identity: SigningIdentity,
  intermediates: readonly Uint8Array[],
  validTo: Date,
  runtime: IssuingRuntime,
): DevAuthority {
  return Object.freeze({
    certificatePem: encodePem('CERTIFICATE', certificateDer),
    certificateDer,
    keyPem: keyPemOf(identity.key),
    intermediates: Object.freeze([...intermediates]),
    validTo,
    issue: (request: IssueRequest) => issueCertificate('request', request, identity, intermediates, runtime).issued,
    issueAuthority: (options: DevAuthorityOptions = {}) => makeAuthority(options, identity, intermediates, runtime),
    revocationList: (request: RevocationListRequest) => signRevocationList(request, identity, runtime.clock.nowMs()),
  })
}
