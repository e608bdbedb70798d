import { contextTag, DerError, type DerReader, TAG } from './der-reader.js'
import { hexFrom, readBitString } from './der-values.js'
import { encodeDer } from './der-writer.js'
import { type GeneralNames, readGeneralNames } from './general-names.js'

/** Where an issuer says that a CRL is, and for what (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  /** Its names, as {@link namesOfPoint} writes them; `null` without. */
  readonly names: readonly string[] | null
  /** {@link ALL_REASONS}, or those it is for. */
  readonly reasons: number
  /** Who issues the CRL, if it is not the certificate's issuer. */
  readonly crlIssuers: readonly string[] | null
  /** The same as the keys of their names: what {@link DistributionPoint.crlIssuers} has of other kinds is left out. */
  readonly crlIssuerKeys: readonly string[]
}

/** ReasonFlags as the bits of a number; bit 0 is not used (RFC 5280 §4.2.1.13). */
export const ALL_REASONS = 0x1fe
const MAX_POINTS = 64
export const UNMATCHED = 'other'

/** Reads CRLDistributionPoints. */
export function readDistributionPointList(value: DerReader): readonly DistributionPoint[] {
  const list = value.take(TAG.sequence).enter()
  const points: DistributionPoint[] = []
  do {
    const point = list.take(TAG.sequence).enter()
    const names = point.optional(contextTag(0, 'constructed')) ? namesOfPoint(point.enter()) : null
    const reasons = point.isNext(contextTag(1, 'primitive')) ? readReasonFlags(point, contextTag(1, 'primitive')) : ALL_REASONS
    const crlIssuers = point.optional(contextTag(2, 'constructed')) ? readGeneralNames(point.enter()) : null
    point.finish()
    points.push({
      names,
      reasons,
      crlIssuers: crlIssuers === null ? null : textsOf(crlIssuers),
      crlIssuerKeys: crlIssuers?.directory.map(({ key }) => key) ?? [],
    })
    if (points.length > MAX_POINTS) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  return Object.freeze(points)
}

/** The names of a DistributionPointName as texts to compare: `uri:…`, `dir:` and a DER name, `rel:` and one RDN below the issuer's name. */
export function namesOfPoint(name: DerReader): readonly string[] {
  if (name.optional(contextTag(0, 'constructed'))) {
    const names = textsOf(readGeneralNames(name.enter()))
    name.finish()
    return names
  }
  name.take(contextTag(1, 'constructed'))
  const relative = [`rel:${hexFrom(name.content())}`]
  name.finish()
  return relative
}

export function readReasonFlags(reader: DerReader, tag: number): number {
  const { bytes } = readBitString(reader, tag)
  let flags = 0
  for (let bit = 1; bit <= 8; bit++) if (((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) flags |= 1 << bit
  return flags
}

/** URIs among the names of a point. */
export function urisOfPoint({ names }: DistributionPoint): readonly string[] {
  return (names ?? []).flatMap((name) => (name.startsWith('uri:') ? [name.slice(4)] : []))
}

/** A `rel:` name below the name of an issuer, written as the `dir:` name that it stands for. */
export function absoluteName(name: string, issuerName: Uint8Array): string {
  if (!name.startsWith('rel:')) return name
  const rdn = Buffer.from(name.slice(4), 'hex')
  return `dir:${hexFrom(encodeDer(TAG.sequence, contentOf(issuerName), encodeDer(TAG.set, rdn)))}`
}

function textsOf({ uri, directory, dns, ip, email, other }: GeneralNames): readonly string[] {
  return [
    ...uri.map((text) => `uri:${text}`),
    ...directory.map(({ der }) => `dir:${hexFrom(der)}`),
    // Names that nobody can match: not the same as no name at all.
    ...(dns.length + ip.length + email.length + other.length > 0 ? [UNMATCHED] : []),
  ]
}

function contentOf(element: Uint8Array): Uint8Array {
  const first = element[1] ?? 0
  return element.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}
