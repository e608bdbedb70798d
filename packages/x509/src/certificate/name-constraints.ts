import { DER_TAG } from '@countersign/core'
import { contextTag, DerError, type DerReader } from '../der/der-reader.js'
import { type DistinguishedName, OID_EMAIL_ADDRESS } from '../der/distinguished-name.js'
import { emptyNames, type GeneralNames, readGeneralName } from '../der/general-names.js'

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10 */
export interface NameConstraints {
  readonly permitted: GeneralNames
  readonly excluded: GeneralNames
}

/** A CA names a few; checking many names against many constraints is quadratic. */
const MAX_SUBTREES = 256

const HOST = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i
const MAILBOX = /^[^@]+@([^@]+)$/

export function readNameConstraints(value: DerReader): NameConstraints {
  const inner = value.take(DER_TAG.sequence).enter()
  const permitted = inner.optional(contextTag(0, 'constructed')) ? readSubtrees(inner.enter()) : null
  const excluded = inner.optional(contextTag(1, 'constructed')) ? readSubtrees(inner.enter()) : null
  inner.finish()
  if (permitted === null && excluded === null) throw new DerError('name constraints that constrain nothing')
  return { permitted: permitted ?? emptyNames(), excluded: excluded ?? emptyNames() }
}

function readSubtrees(list: DerReader): GeneralNames {
  const names = emptyNames()
  let count = 0
  do {
    if (++count > MAX_SUBTREES) throw new DerError('too many name constraints')
    const subtree = list.take(DER_TAG.sequence).enter()
    readGeneralName(subtree, names)
    // RFC 5280 §4.2.1.10: minimum is zero, which DER leaves out, and maximum is absent.
    subtree.finish()
  } while (!list.atEnd)
  if (!wellFormed(names)) throw new DerError('a name constraint that is no constraint')
  return names
}

function wellFormed({ dns, uri, email, ip }: GeneralNames): boolean {
  return (
    dns.every((name) => name === '' || HOST.test(name)) &&
    uri.every((name) => name === '' || HOST.test(withoutDot(name))) &&
    email.every((name) => name === '' || HOST.test(withoutDot(MAILBOX.exec(name)?.[1] ?? name))) &&
    ip.every((range) => (range.length === 8 || range.length === 32) && isMask(range.subarray(range.length / 2)))
  )
}

function withoutDot(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name
}

function isMask(octets: Uint8Array): boolean {
  const bits = [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  return /^1*0*$/.test(bits)
}

/** The names that constraints are about: those of the SAN, and the subject. */
export interface ConstrainedNames {
  readonly sans: GeneralNames
  readonly subject: DistinguishedName
}

/** How many comparisons {@link isPermitted} may take. */
export function comparisonsFor({ sans }: ConstrainedNames, { permitted, excluded }: NameConstraints): number {
  const size = (names: GeneralNames): number =>
    names.dns.length + names.uri.length + names.email.length + names.ip.length + names.directory.length
  return (size(sans) + 2) * (size(permitted) + size(excluded))
}

/** Every name is in a permitted subtree, if there is one of its kind, and in no excluded one. */
export function isPermitted({ sans, subject }: ConstrainedNames, { permitted, excluded }: NameConstraints): boolean {
  const subjectMails = subject.rdns.flat().flatMap(({ oid, text }) => (oid === OID_EMAIL_ADDRESS ? [text ?? ''] : []))
  const directory = subject.rdns.length === 0 ? sans.directory : [subject, ...sans.directory]
  return (
    allWithin(sans.dns, permitted.dns, excluded.dns, dnsWithin) &&
    allWithin(sans.uri, permitted.uri, excluded.uri, uriWithin) &&
    allWithin([...sans.email, ...subjectMails], permitted.email, excluded.email, mailWithin) &&
    allWithin(sans.ip, permitted.ip, excluded.ip, ipWithin) &&
    allWithin(directory, permitted.directory, excluded.directory, directoryWithin) &&
    // RFC 5280 §4.2.1.10: a constraint that cannot be processed, on a name of its kind, refuses the certificate.
    !sans.other.some((kind) => permitted.other.includes(kind) || excluded.other.includes(kind))
  )
}

/** `null`: the name is not one that the question can be put to, so it is neither permitted nor free of the excluded. */
type Within<T> = (name: T, subtree: T, excluding: boolean) => boolean | null

function allWithin<T>(names: readonly T[], permitted: readonly T[], excluded: readonly T[], within: Within<T>): boolean {
  return names.every(
    (name) =>
      (permitted.length === 0 || permitted.some((subtree) => within(name, subtree, false) === true)) &&
      excluded.every((subtree) => within(name, subtree, true) === false),
  )
}

function hostWithin(host: string, domain: string): boolean {
  return domain === '' || host === domain || host.endsWith(`.${domain}`)
}

// A wildcard is permitted where all it stands for is, and excluded where any of it is.
function dnsWithin(name: string, subtree: string, excluding: boolean): boolean | null {
  const wildcard = name.startsWith('*.')
  const host = (wildcard ? name.slice(2) : name).toLowerCase()
  const domain = subtree.toLowerCase()
  if (!HOST.test(host)) return null
  return hostWithin(host, domain) || (wildcard && excluding && hostWithin(domain, host))
}

function uriWithin(uri: string, subtree: string): boolean | null {
  const [, authority = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri) ?? []
  const host = authority.replace(/^.*@/, '').replace(/:\d*$/, '').toLowerCase()
  if (!HOST.test(host) || /^[0-9.]+$/.test(host)) return null
  return subtree === '' || hostOrBelow(host, subtree.toLowerCase())
}

function mailWithin(mailbox: string, subtree: string): boolean | null {
  const [, host] = MAILBOX.exec(mailbox) ?? []
  if (host === undefined || !HOST.test(host)) return null
  const [, subtreeHost] = MAILBOX.exec(subtree) ?? []
  if (subtreeHost === undefined) return subtree === '' || hostOrBelow(host.toLowerCase(), subtree.toLowerCase())
  const local = (text: string): string => text.slice(0, text.indexOf('@'))
  return local(mailbox) === local(subtree) && host.toLowerCase() === subtreeHost.toLowerCase()
}

/** A leading dot means any host below, none means this host alone. */
function hostOrBelow(host: string, subtree: string): boolean {
  return subtree.startsWith('.') ? host.endsWith(subtree) && host.length > subtree.length : host === subtree
}

function ipWithin(address: Uint8Array, range: Uint8Array): boolean {
  const size = address.length
  return range.length === 2 * size && address.every((octet, i) => ((octet ^ (range[i] ?? 0)) & (range[size + i] ?? 0)) === 0)
}

function directoryWithin(name: DistinguishedName, subtree: DistinguishedName): boolean {
  return subtree.rdnKeys.every((key, i) => key === name.rdnKeys[i])
}
