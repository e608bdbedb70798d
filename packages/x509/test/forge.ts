import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { bits, boolean, bytes, commonName, der, integer, NULL, octets, oid, sequence, time } from './der.js'

/** A certificate and the key to it. */
export interface Forged {
  readonly der: Uint8Array
  readonly subject: Uint8Array
  readonly privateKey: KeyObject
  readonly spki: Uint8Array
  readonly keyId: Uint8Array
}

export interface ForgeOptions {
  /** Default: it signs itself. */
  readonly issuer?: Forged
  readonly subject?: Uint8Array
  readonly keys?: Keys
  readonly spki?: Uint8Array
  readonly serial?: Uint8Array
  readonly version?: number
  readonly validFromMs?: number
  readonly validToMs?: number
  readonly ca?: boolean | { readonly pathLength: number }
  /** Octets of the KeyUsage bits; `null`: none. */
  readonly keyUsage?: readonly number[] | null
  readonly purposes?: readonly string[] | null
  readonly sans?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  /** Default: ECDSA with SHA-256, or what goes with the issuer's key. */
  readonly signature?: SignatureKind
  /** Algorithm inside the signed part, where it is to be another. */
  readonly innerAlgorithm?: Uint8Array
  readonly issuerName?: Uint8Array
  readonly withoutKeyIds?: boolean
  readonly withoutConstraints?: boolean
}

export interface Keys {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface SignatureKind {
  readonly algorithm: Uint8Array
  sign(data: Uint8Array, key: KeyObject): Uint8Array
}

export const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
export const DAY_MS = 86_400_000
export const DIGITAL_SIGNATURE = [0x80]
export const CERT_SIGN = [0x06]
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

export const ECDSA_SHA256: SignatureKind = {
  algorithm: sequence(oid('1.2.840.10045.4.3.2')),
  sign: (data, key) => sign('sha256', data, key),
}
export const ECDSA_SHA384: SignatureKind = {
  algorithm: sequence(oid('1.2.840.10045.4.3.3')),
  sign: (data, key) => sign('sha384', data, key),
}
export const ECDSA_SHA1: SignatureKind = { algorithm: sequence(oid('1.2.840.10045.4.1')), sign: (data, key) => sign('sha1', data, key) }
export const RSA_SHA256: SignatureKind = {
  algorithm: sequence(oid('1.2.840.113549.1.1.11'), NULL),
  sign: (data, key) => sign('sha256', data, key),
}
export const ED25519: SignatureKind = { algorithm: sequence(oid('1.3.101.112')), sign: (data, key) => sign(null, data, key) }

export function ecKeys(namedCurve = 'P-256'): Keys {
  return generateKeyPairSync('ec', { namedCurve })
}

export function rsaKeys(modulusLength: number): Keys {
  return generateKeyPairSync('rsa', { modulusLength })
}

let lastSerial = 1_000_000

export function extension(dotted: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(dotted), ...(critical ? [boolean(true)] : []), octets(value))
}

export function forge(options: ForgeOptions = {}): Forged {
  const { issuer, keys = ecKeys(), subject = commonName('leaf'), validFromMs = NOW_MS - DAY_MS, validToMs = NOW_MS + DAY_MS } = options
  const spki = options.spki ?? keys.publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha1').update(spki).digest()
  const signer = issuer?.privateKey ?? keys.privateKey
  const signature = options.signature ?? kindFor(signer)
  const { algorithm } = signature
  const version = options.version ?? 3
  const tbs = sequence(
    ...(version === 1 ? [] : [der(0xa0, integer(version - 1))]),
    options.serial ?? integer(++lastSerial),
    options.innerAlgorithm ?? algorithm,
    options.issuerName ?? issuer?.subject ?? subject,
    sequence(time(validFromMs), time(validToMs)),
    subject,
    spki,
    ...(version === 3 ? [der(0xa3, sequence(...extensionsOf(options, keyId)))] : []),
  )
  const whole = sequence(tbs, algorithm, bits(signature.sign(tbs, signer)))
  return { der: whole, subject, privateKey: keys.privateKey, spki, keyId }
}

/** A CA certificate. */
export function forgeCa(options: ForgeOptions = {}): Forged {
  return forge({ subject: commonName('root'), ca: true, keyUsage: CERT_SIGN, purposes: null, ...options })
}

function kindFor(key: KeyObject): SignatureKind {
  if (key.asymmetricKeyType === 'rsa') return RSA_SHA256
  return key.asymmetricKeyType === 'ed25519' ? ED25519 : ECDSA_SHA256
}

function extensionsOf(options: ForgeOptions, keyId: Uint8Array): Uint8Array[] {
  const { issuer, ca = false, keyUsage = DIGITAL_SIGNATURE, purposes = [CLIENT_AUTH, SERVER_AUTH], sans = [] } = options
  const constraints = ca === false ? [] : [boolean(true), ...(ca === true ? [] : [integer(ca.pathLength)])]
  return [
    ...(options.withoutConstraints ? [] : [extension('2.5.29.19', true, sequence(...constraints))]),
    ...(keyUsage === null ? [] : [extension('2.5.29.15', true, keyUsageBits(keyUsage))]),
    ...(purposes === null ? [] : [extension('2.5.29.37', false, sequence(...purposes.map(oid)))]),
    ...(sans.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...sans))]),
    ...(options.withoutKeyIds
      ? []
      : [extension('2.5.29.14', false, octets(keyId)), extension('2.5.29.35', false, sequence(der(0x80, issuer?.keyId ?? keyId)))]),
    ...(options.extensions ?? []),
  ]
}

function keyUsageBits(octetsOfBits: readonly number[]): Uint8Array {
  const last = octetsOfBits.at(-1) ?? 0
  let unused = 0
  while (unused < 7 && ((last >> unused) & 1) === 0) unused++
  return bits(bytes(...octetsOfBits), unused)
}

export interface ForgeCrlOptions {
  /** In place of `serials`. */
  readonly entries?: readonly Uint8Array[]
  readonly serials?: readonly Uint8Array[]
  readonly thisUpdateMs?: number
  /** `null`: none. */
  readonly nextUpdateMs?: number | null
  readonly number?: number
  readonly version?: 1 | 2
  readonly extensions?: readonly Uint8Array[]
  readonly entryExtensions?: Uint8Array
  readonly withoutNumber?: boolean
  readonly signer?: KeyObject
  readonly signature?: SignatureKind
}

export function forgeCrl(issuer: Forged, options: ForgeCrlOptions = {}): Uint8Array {
  const { serials = [], thisUpdateMs = NOW_MS - DAY_MS, nextUpdateMs = NOW_MS + DAY_MS, entryExtensions, version = 2 } = options
  const signer = options.signer ?? issuer.privateKey
  const signature = options.signature ?? kindFor(signer)
  const entries = options.entries ?? serials.map((serial) => crlEntry(serial, entryExtensions))
  const tbs = sequence(
    ...(version === 1 ? [] : [integer(1)]),
    signature.algorithm,
    issuer.subject,
    time(thisUpdateMs),
    ...(nextUpdateMs === null ? [] : [time(nextUpdateMs)]),
    ...(entries.length === 0 ? [] : [sequence(Buffer.concat(entries))]),
    ...(version === 1 ? [] : [crlExtensions(issuer, options)]),
  )
  return sequence(tbs, signature.algorithm, bits(signature.sign(tbs, signer)))
}

export function crlEntry(serial: Uint8Array, extensions?: Uint8Array): Uint8Array {
  return sequence(serial, time(NOW_MS - DAY_MS), ...(extensions === undefined ? [] : [extensions]))
}

function crlExtensions(issuer: Forged, { withoutNumber, number = 7, extensions = [] }: ForgeCrlOptions): Uint8Array {
  const keyId = extension('2.5.29.35', false, sequence(der(0x80, issuer.keyId)))
  const numbers = withoutNumber ? [] : [extension('2.5.29.20', false, integer(number))]
  return der(0xa0, sequence(keyId, ...numbers, ...extensions))
}

export function pem(...certificates: readonly Uint8Array[]): string {
  return certificates.map((one) => armor(one, 'CERTIFICATE')).join('')
}

export function armor(content: Uint8Array, label: string): string {
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
