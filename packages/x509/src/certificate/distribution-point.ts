import { DER_TAG, encodeDer } from '@countersign/core'
import { contextTag, DerError, DerReader } from '../der/der-reader.js'
import { readBitString } from '../der/der-values.js'
import { readName } from '../der/distinguished-name.js'
import { readGeneralNames } from '../der/general-names.js'

/** Where an issuer says that a CRL is, and for what (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  /** Its names, as {@link namesOfPoint} writes them; `null` without. */
  readonly names: readonly string[] | null
  /** {@link ALL_REASONS}, or those it is for. */
  readonly reasons: number
  /** Who issues the CRL, if it is not the certificate's issuer. */
  readonly crlIssuers: readonly string[] | null
}

/** ReasonFlags as the bits of a number; bit 0 is not used (RFC 5280 §4.2.1.13). */
export const ALL_REASONS = 0x1fe
const MAX_POINTS = 64
export const UNMATCHED = 'other'

/** Reads CRLDistributionPoints. */
export function readDistributionPointList(value: DerReader): readonly DistributionPoint[] {
  const list = value.take(DER_TAG.sequence).enter()
  const points: DistributionPoint[] = []
  do {
    const point = list.take(DER_TAG.sequence).enter()
    const names = point.optional(contextTag(0, 'constructed')) ? namesOfPoint(point.enter()) : null
    const reasons = point.isNext(contextTag(1, 'primitive')) ? readReasonFlags(point, contextTag(1, 'primitive')) : ALL_REASONS
    const crlIssuers = point.optional(contextTag(2, 'constructed')) ? keysOf(point.enter()) : null
    point.finish()
    points.push({ names, reasons, crlIssuers })
    if (points.length > MAX_POINTS) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  return Object.freeze(points)
}

/** The names of a DistributionPointName as texts to compare: `uri:…`, `dir:` and the key of a name, `rel:` and the key of one RDN below the issuer's name. */
export function namesOfPoint(name: DerReader): readonly string[] {
  if (name.optional(contextTag(0, 'constructed'))) {
    const names = keysOf(name.enter())
    name.finish()
    return names
  }
  name.take(contextTag(1, 'constructed'))
  // Read as a name of one RDN, whose key is the RDN's.
  const rdn = readName(new DerReader(encodeDer(DER_TAG.sequence, encodeDer(DER_TAG.set, name.content()))))
  name.finish()
  return [`rel:${rdn.key}`]
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
export function absoluteName(name: string, issuerKey: string): string {
  return name.startsWith('rel:') ? `dir:${issuerKey}${name.slice(4)}` : name
}

function keysOf(reader: DerReader): readonly string[] {
  const { uri, directory, dns, ip, email, other } = readGeneralNames(reader)
  return [
    ...uri.map((text) => `uri:${text}`),
    ...directory.map(({ key }) => `dir:${key}`),
    // Names that nobody can match: not the same as no name at all.
    ...(dns.length + ip.length + email.length + other.length > 0 ? [UNMATCHED] : []),
  ]
}
