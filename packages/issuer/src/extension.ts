import { isIP } from 'node:net'
import { KEY_USAGES, type KeyUsage, MisuseError } from '@countersign/core'
import { boolean, explicit, implicit, integer, namedBits, octetString, oid, sequence } from './der.js'

/** An extension of a certificate or CRL. `value` is the DER of what the extension holds. */
export interface Extension {
  readonly oid: string
  /** Default `false`. */
  readonly critical?: boolean
  readonly value: Uint8Array
}

/** Names of a certificate (RFC 5280 §4.2.1.6). Texts are written as given, one octet a character: broken ones are wanted in tests. */
export interface AlternativeNames {
  readonly uris?: readonly string[]
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  readonly email?: readonly string[]
}

/** A purpose by its name, or any other by its dotted OID. */
export type ExtendedKeyUsage =
  | 'clientAuth'
  | 'serverAuth'
  | 'codeSigning'
  | 'emailProtection'
  | 'timeStamping'
  | 'ocspSigning'
  | 'any'
  | `${number}.${string}`

const PURPOSES: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
}

/** An Extension (RFC 5280 §4.1). */
export function encodeExtension(extension: Extension): Uint8Array {
  const parts = [oid(extension.oid), ...(extension.critical === true ? [boolean(true)] : []), octetString(extension.value)]
  return sequence(...parts)
}

/** RFC 5280 §4.2.1.9. */
export function basicConstraints(isCa: boolean, pathLength?: number | null): Extension {
  const parts = isCa ? [boolean(true), ...(typeof pathLength === 'number' ? [integer(pathLength)] : [])] : []
  return { oid: '2.5.29.19', critical: true, value: sequence(...parts) }
}

/** RFC 5280 §4.2.1.3. */
export function keyUsage(usages: readonly KeyUsage[]): Extension {
  return { oid: '2.5.29.15', critical: true, value: namedBits(usages.map((usage) => KEY_USAGES.indexOf(usage))) }
}

/** RFC 5280 §4.2.1.12. */
export function extendedKeyUsage(purposes: readonly ExtendedKeyUsage[]): Extension {
  return { oid: '2.5.29.37', value: sequence(...purposes.map((purpose) => oid(PURPOSES[purpose] ?? purpose))) }
}

/** RFC 5280 §4.2.1.2. */
export function subjectKeyId(id: Uint8Array): Extension {
  return { oid: '2.5.29.14', value: octetString(id) }
}

/** RFC 5280 §4.2.1.1, by the key identifier alone. */
export function authorityKeyId(id: Uint8Array): Extension {
  return { oid: '2.5.29.35', value: sequence(implicit(0, id)) }
}

/** `null` without any name: an empty extension is not allowed. */
export function subjectAlternativeNames(names: AlternativeNames, critical: boolean): Extension | null {
  const general = generalNames(names)
  return general.length === 0 ? null : { oid: '2.5.29.17', critical, value: sequence(...general) }
}

/**
 * Name constraints for a CA (RFC 5280 §4.2.1.10), to put among `extensions` of an authority. An IP constraint is an address and
 * its mask, such as `10.0.0.0/255.0.0.0`.
 */
export function nameConstraintsExtension(constraints: {
  readonly permitted?: AlternativeNames
  readonly excluded?: AlternativeNames
}): Extension {
  const subtrees = (names: AlternativeNames) => generalNames(names).map((name) => sequence(name))
  const parts = [
    ...(constraints.permitted === undefined ? [] : [explicit(0, ...subtrees(constraints.permitted))]),
    ...(constraints.excluded === undefined ? [] : [explicit(1, ...subtrees(constraints.excluded))]),
  ]
  return { oid: '2.5.29.30', critical: true, value: sequence(...parts) }
}

/** Where the CRL of an issuer is found (RFC 5280 §4.2.1.13), to put among `extensions`. */
export function crlDistributionPointsExtension(urls: readonly string[]): Extension {
  const points = urls.map((url) => sequence(explicit(0, explicit(0, implicit(6, Buffer.from(url, 'latin1'))))))
  return { oid: '2.5.29.31', value: sequence(...points) }
}

function generalNames({ uris = [], dns = [], ip = [], email = [] }: AlternativeNames): readonly Uint8Array[] {
  const text = (number: number) => (name: string) => implicit(number, Buffer.from(name, 'latin1'))
  return [...uris.map(text(6)), ...dns.map(text(2)), ...ip.map((address) => implicit(7, addressBytes(address))), ...email.map(text(1))]
}

function addressBytes(address: string): Uint8Array {
  const parts = address.split('/')
  if (parts.length > 2 || parts.some((part) => isIP(part) === 0 || isIP(part) !== isIP(parts[0] ?? '')))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      'ip',
      'takes addresses such as 127.0.0.1 or ::1, in name constraints with a mask behind a slash',
    )
  return Buffer.concat(parts.map((part) => (isIP(part) === 6 ? ipv6Bytes(part) : Buffer.from(part.split('.').map(Number)))))
}

function ipv6Bytes(address: string): Uint8Array {
  // The URL parser writes the canonical form: lowercase, one `::`, no embedded IPv4.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = tail === undefined ? [] : new Array<number>(8 - left.length - right.length).fill(0)
  return Buffer.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]))
}
