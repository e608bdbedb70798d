import { DER_TAG } from '@countersign/core'
import { contextTag, DerError, type DerReader } from '../der/der-reader.js'
import { readInteger, readOid } from '../der/der-values.js'

/** A policy of the issuer that counts as one of the subject's. */
export interface PolicyMapping {
  readonly issuerDomain: string
  readonly subjectDomain: string
}

/** How many more certificates may follow before something is demanded. `null`: it is not demanded. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | null
  readonly inhibitPolicyMapping: number | null
}

export const ANY_POLICY = '2.5.29.32.0'

/** A CA has a handful; the work of a path grows with their product. */
const MAX_LISTED = 64
/** No path is so long: what is larger means the same. */
const MAX_SKIP = 0xffff

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4 */
export function readCertificatePolicies(value: DerReader): readonly string[] {
  const list = value.take(DER_TAG.sequence).enter()
  const policies: string[] = []
  do {
    const information = list.take(DER_TAG.sequence).enter()
    const oid = readOid(information)
    // Qualifiers are for people to read. A policy that is accepted is accepted with any.
    if (!information.atEnd) information.take(DER_TAG.sequence)
    information.finish()
    if (policies.includes(oid)) throw new DerError('a certificate policy twice')
    if (policies.push(oid) > MAX_LISTED) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  return policies
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.5 */
export function readPolicyMappings(value: DerReader): readonly PolicyMapping[] {
  const list = value.take(DER_TAG.sequence).enter()
  const mappings: PolicyMapping[] = []
  do {
    const pair = list.take(DER_TAG.sequence).enter()
    const mapping = { issuerDomain: readOid(pair), subjectDomain: readOid(pair) }
    pair.finish()
    if (mappings.push(mapping) > MAX_LISTED) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  return mappings
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.11 */
export function readPolicyConstraints(value: DerReader): PolicyConstraints {
  const inner = value.take(DER_TAG.sequence).enter()
  const requireExplicitPolicy = inner.isNext(contextTag(0, 'primitive')) ? readSkip(inner, contextTag(0, 'primitive')) : null
  const inhibitPolicyMapping = inner.isNext(contextTag(1, 'primitive')) ? readSkip(inner, contextTag(1, 'primitive')) : null
  inner.finish()
  if (requireExplicitPolicy === null && inhibitPolicyMapping === null) throw new DerError('policy constraints that constrain nothing')
  return { requireExplicitPolicy, inhibitPolicyMapping }
}

/** SkipCerts: an INTEGER from 0 without an upper bound. */
export function readSkip(reader: DerReader, tag: number = DER_TAG.integer): number {
  const content = readInteger(reader, tag)
  if ((content[0] ?? 0) >= 0x80) throw new DerError('an INTEGER below zero')
  return content.length > 3
    ? MAX_SKIP
    : Math.min(
        content.reduce((number, octet) => number * 256 + octet, 0),
        MAX_SKIP,
      )
}
