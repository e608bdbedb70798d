import { checkBoolean, checkChoice, checkInteger, checkKeys, checkText, joinPath, kindOf, MisuseError } from '@countersign/core'
import type { CertificateInput } from '../certificate/certificate-input.js'
import { ANY_POLICY } from '../certificate/policy-extensions.js'
import { dersOfEvidence } from '../der/evidence-bytes.js'
import { checkBytes, checkSkew, checkTime } from './check-evidence.js'
import { CLIENT, type PathRules, type Purpose, SERVER } from './check-path.js'
import { MAX_DEPTH } from './find-path.js'
import type { ReferenceName } from './match-names.js'
import type { PolicyRules } from './policy-graph.js'
import type { TrustAnchorKey } from './trust-anchor-key.js'

/** A chain to verify, and what it must be good for. */
export interface ChainRequest {
  readonly leaf: CertificateInput
  /** Untrusted, in any order, at most 256. A PEM text may hold several; those that cannot be read are passed over. Default: none. */
  readonly intermediates?: readonly CertificateInput[]
  /**
   * Certificates, self-signed or not, or bare names and keys. A PEM text may hold several, as the files of CAs do; those that cannot be
   * read vouch for nobody.
   */
  readonly anchors: readonly (CertificateInput | TrustAnchorKey)[]
  /** A Date or epoch milliseconds. Default: now. */
  readonly time?: Date | number
  /** What the extended key usage of the leaf, and of each CA that has one, must allow. `'any'` asks nothing of it. Default `'client'`. */
  readonly purpose?: 'client' | 'server' | 'any'
  /** The leaf must list the purpose itself: without the extension, or with anyExtendedKeyUsage alone, it is refused. Default false. */
  readonly strictExtendedKeyUsage?: boolean
  /** A CA certificate may be the leaf; its key usage is then not asked about. Default false (X.509-SVID §5.2). */
  readonly allowCaAsLeaf?: boolean
  /** How many certificates may stand between leaf and anchor, 0 to 24. Self-issued ones are not counted (RFC 5280 §6.1.4 (l)). Default 8. */
  readonly maxDepth?: number
  /**
   * Names that the leaf must hold in its subjectAltName, every one of them. `dns` and `ip` match as for TLS clients (RFC 9525: a wildcard
   * stands for one whole left-most label), `uri` and `email` exactly. The common name is never asked. Default: none.
   */
  readonly names?: readonly ReferenceName[]
  /** `'ignore'`: an anchor's own dates do not count. Default `'enforce'`. */
  readonly anchorDates?: 'enforce' | 'ignore'
  /**
   * `'ignore'`: an anchor is its name and key alone, as RFC 5280 §6.1.1 (d) has it; its extensions, constraints and version do not count.
   * Default `'enforce'` (RFC 5937).
   */
  readonly anchorExtensions?: 'enforce' | 'ignore'
  readonly policies?: PolicyRequest
  /**
   * CRLs, in DER or PEM. Those that cannot be read or used answer for nobody. The certificates of keys that signed them, other than those of
   * the path, stand among the intermediates. Default: none.
   */
  readonly crls?: readonly CertificateInput[]
  /** Default: `{ mode: 'require' }` where there are CRLs, else `{ mode: 'off' }`. */
  readonly revocation?: RevocationRequest
  /** Keys and hashes below are refused; `rsaBits` from 2048 to 8192. Default `{ rsaBits: 2048, hash: 'sha256' }`. */
  readonly minimum?: { readonly rsaBits?: number; readonly hash?: 'sha256' | 'sha384' }
  /** How far the clocks of issuers and ours may be apart, 0 to 300. Default 0. */
  readonly clockSkewSeconds?: number
}

/** Inputs of policy processing (RFC 5280 §6.1.1 (c), (e)-(g)). */
export interface PolicyRequest {
  /** OIDs of the policies that are good for us. Default: any. */
  readonly initial?: readonly string[]
  /** The path must be good for at least one of them. Default false. */
  readonly requireExplicit?: boolean
  /** Default false. */
  readonly inhibitMapping?: boolean
  /** Default false. */
  readonly inhibitAnyPolicy?: boolean
}

export interface RevocationRequest {
  /** `'prefer'`: what is known to be revoked is refused; what nothing is known of is let through. `'require'` refuses that too. */
  readonly mode: 'off' | 'prefer' | 'require'
  /** `'chain'` asks for the leaf and every intermediate. Default `'chain'`. */
  readonly scope?: 'leaf' | 'chain'
}

/** A {@link ChainRequest}, checked. */
export interface CheckedRequest {
  readonly leaf: CertificateInput
  readonly intermediates: readonly CertificateInput[]
  readonly anchors: readonly (CertificateInput | TrustAnchorKey)[]
  readonly rules: PathRules
  readonly names: readonly ReferenceName[]
  readonly crls: readonly CertificateInput[]
  /** `null`: not checked. */
  readonly revocation: { readonly scope: 'leaf' | 'chain'; readonly graceMs: number } | null
}

const KEYS = [
  'leaf',
  'intermediates',
  'anchors',
  'time',
  'purpose',
  'strictExtendedKeyUsage',
  'allowCaAsLeaf',
  'maxDepth',
  'names',
  'anchorDates',
  'anchorExtensions',
  'policies',
  'crls',
  'revocation',
  'minimum',
  'clockSkewSeconds',
]
const ENFORCEMENT = ['enforce', 'ignore'] as const
const NAME_TYPES = ['dns', 'ip', 'uri', 'email'] as const
const MAX_REQUESTED_DEPTH = 24
const OID = /^[0-2](?:\.(?:0|[1-9]\d*)){1,60}$/
const NONE: readonly never[] = Object.freeze([])

/** @throws {MisuseError} for a wrong, missing or unknown key. */
export function checkChainRequest(request: unknown): CheckedRequest {
  checkKeys('', request, KEYS)
  for (const required of ['leaf', 'anchors']) {
    if (request[required] === undefined) throw new MisuseError('ERR_OPTION_MISSING', required, 'is missing')
  }
  const crls = checkEach('crls', request['crls'] ?? NONE, checkBytes)
  return {
    leaf: checkBytes('leaf', request['leaf']),
    intermediates: checkEach('intermediates', request['intermediates'] ?? NONE, checkBytes).flatMap(certificatesOf),
    anchors: checkAnchors(request['anchors']),
    rules: checkRules(request),
    names: checkEach('names', request['names'] ?? NONE, checkName),
    crls,
    revocation: checkRevocation(request['revocation'] ?? { mode: crls.length === 0 ? 'off' : 'require' }),
  }
}

/** @throws {MisuseError} for what is no list of anchors. */
export function checkAnchors(anchors: unknown): CheckedRequest['anchors'] {
  return checkEach('anchors', anchors, checkAnchor).flatMap<CertificateInput | TrustAnchorKey>((anchor) =>
    isBytes(anchor) ? certificatesOf(anchor) : [anchor],
  )
}

function checkRules(request: Record<string, unknown>): PathRules {
  const { minimum = {} } = request
  checkKeys('minimum', minimum, ['rsaBits', 'hash'])
  const { rsaBits = 2048, hash = 'sha256' } = minimum
  return {
    nowMs: checkTime(request['time']),
    skewMs: checkSkew(request['clockSkewSeconds']),
    rsaBits: checkInteger('minimum.rsaBits', rsaBits, 2048, 8192),
    hashBits: Number(checkChoice('minimum.hash', hash, ['sha256', 'sha384']).slice(3)),
    purpose: checkPurpose(request['purpose'] ?? 'client', request['strictExtendedKeyUsage'] ?? false),
    allowsCaAsLeaf: checkBoolean('allowCaAsLeaf', request['allowCaAsLeaf'] ?? false),
    enforcesAnchorDates: checkChoice('anchorDates', request['anchorDates'] ?? 'enforce', ENFORCEMENT) === 'enforce',
    enforcesAnchorExtensions: checkChoice('anchorExtensions', request['anchorExtensions'] ?? 'enforce', ENFORCEMENT) === 'enforce',
    policies: checkPolicies(request['policies'] ?? {}),
    maxDepth: checkInteger('maxDepth', request['maxDepth'] ?? MAX_DEPTH, 0, MAX_REQUESTED_DEPTH),
  }
}

function checkPurpose(purpose: unknown, strict: unknown): Purpose | null {
  const leafMay = checkBoolean('strictExtendedKeyUsage', strict)
    ? (['sign-crls'] as const)
    : (['sign-crls', 'lack-usage', 'list-any'] as const)
  switch (checkChoice('purpose', purpose, ['client', 'server', 'any'])) {
    case 'client':
      return { ...CLIENT, leafMay }
    case 'server':
      return { ...SERVER, leafMay }
    case 'any':
      return null
  }
}

function checkPolicies(policies: unknown): PolicyRules {
  checkKeys('policies', policies, ['initial', 'requireExplicit', 'inhibitMapping', 'inhibitAnyPolicy'])
  const { initial = null, requireExplicit = false, inhibitMapping = false, inhibitAnyPolicy = false } = policies
  const oids = initial === null ? null : checkEach('policies.initial', initial, checkOid)
  return {
    initial: oids === null || oids.includes(ANY_POLICY) ? null : new Set(oids),
    requireExplicit: checkBoolean('policies.requireExplicit', requireExplicit),
    inhibitMapping: checkBoolean('policies.inhibitMapping', inhibitMapping),
    inhibitAnyPolicy: checkBoolean('policies.inhibitAnyPolicy', inhibitAnyPolicy),
  }
}

function checkRevocation(revocation: unknown): CheckedRequest['revocation'] {
  checkKeys('revocation', revocation, ['mode', 'scope'])
  const mode = checkChoice('revocation.mode', revocation['mode'], ['off', 'prefer', 'require'])
  const scope = checkChoice('revocation.scope', revocation['scope'] ?? 'chain', ['leaf', 'chain'])
  return mode === 'off' ? null : { scope, graceMs: mode === 'prefer' ? Number.POSITIVE_INFINITY : 0 }
}

function checkEach<T>(option: string, list: unknown, check: (option: string, entry: unknown) => T): readonly T[] {
  if (!Array.isArray(list)) throw new MisuseError('ERR_OPTION_INVALID', option, `takes a list, not ${kindOf(list)}`)
  return list.map((entry, i) => check(`${option}[${i}]`, entry))
}

function isBytes(anchor: CertificateInput | TrustAnchorKey): anchor is CertificateInput {
  return typeof anchor === 'string' || anchor instanceof Uint8Array
}

function certificatesOf(input: CertificateInput): readonly CertificateInput[] {
  return dersOfEvidence(input, 'CERTIFICATE') ?? []
}

function checkAnchor(option: string, value: unknown): CertificateInput | TrustAnchorKey {
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  checkKeys(option, value, ['name', 'publicKey'])
  const { name, publicKey } = value
  if (name instanceof Uint8Array && publicKey instanceof Uint8Array) return { name, publicKey }
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes the DER of a name and of a SubjectPublicKeyInfo')
}

function checkName(option: string, value: unknown): ReferenceName {
  checkKeys(option, value, ['type', 'value'])
  return {
    type: checkChoice(joinPath(option, 'type'), value['type'], NAME_TYPES),
    value: checkText(joinPath(option, 'value'), value['value']),
  }
}

function checkOid(option: string, value: unknown): string {
  if (typeof value === 'string' && OID.test(value)) return value
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an OID in dots, such as 2.5.29.32.0')
}
