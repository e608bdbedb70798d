import { isIP } from 'node:net'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { sameBytes } from '../der/der-values.js'
import { emptyNames, type GeneralNames } from '../der/general-names.js'

/** A name that a certificate has to hold in its subjectAltName. The common name is never asked. */
export interface ReferenceName {
  readonly type: 'dns' | 'ip' | 'uri' | 'email'
  readonly value: string
}

const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
// One label stands where the star does, and two or more behind it, so that no one certificate speaks for a whole registry.
const WILDCARD = new RegExp(`^\\*(?:\\.${LABEL}){2,}$`)
const NUMERIC = /^[0-9.]+$/
const MAX_HOST = 253

/** Does the certificate hold this very name? */
export function holdsName(certificate: ParsedCertificate, { type, value }: ReferenceName): boolean {
  const sans = certificate.extensions.sans ?? emptyNames()
  switch (type) {
    case 'dns':
      return holdsHost(sans, value)
    case 'ip':
      return holdsAddress(sans, value)
    case 'uri':
      return sans.uri.includes(value)
    case 'email':
      return sans.email.some((mailbox) => sameMailbox(mailbox, value))
  }
}

/**
 * A host name without regard to case; a wildcard stands for one whole left-most label.
 * @see https://www.rfc-editor.org/rfc/rfc9525#section-6.3
 */
function holdsHost({ dns }: GeneralNames, value: string): boolean {
  const host = hostFrom(value)
  if (host === null) return false
  const dot = host.indexOf('.')
  const parent = dot === -1 ? null : host.slice(dot)
  return dns.some((presented) => {
    const name = presented.toLowerCase()
    return name === host || (parent !== null && WILDCARD.test(name) && name.slice(1) === parent)
  })
}

/** A host name in lower case; `null` for what is none, such as an address. A final dot says that the name is complete, and is no part of it. */
export function hostFrom(text: string): string | null {
  const host = text.toLowerCase().replace(/\.$/, '')
  return host.length > MAX_HOST || !HOST.test(host) || NUMERIC.test(host) ? null : host
}

/** @see https://www.rfc-editor.org/rfc/rfc9525#section-6.4 */
function holdsAddress({ ip }: GeneralNames, value: string): boolean {
  const octets = addressOctets(value)
  return octets !== null && ip.some((address) => sameBytes(address, octets))
}

/** RFC 5280 §7.5: the host of a mailbox has no case, its local part may. */
function sameMailbox(presented: string, value: string): boolean {
  const at = value.lastIndexOf('@')
  return at > 0 && presented.slice(0, at) === value.slice(0, at) && presented.slice(at).toLowerCase() === value.slice(at).toLowerCase()
}

/** Four or sixteen octets; `null` for what is no address. */
function addressOctets(text: string): Uint8Array | null {
  switch (isIP(text)) {
    case 4:
      return Uint8Array.from(text.split('.'), Number)
    case 6:
      return text.includes('%') ? null : ipv6Octets(text)
    default:
      return null
  }
}

function ipv6Octets(text: string): Uint8Array {
  const hex = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16)
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => `${hex(a, b)}:${hex(c, d)}`)
  const [left = '', right] = plain.split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const before = groups(left)
  const after = groups(right ?? '')
  const between = new Array<number>(right === undefined ? 0 : 8 - before.length - after.length).fill(0)
  return Uint8Array.from([...before, ...between, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}
