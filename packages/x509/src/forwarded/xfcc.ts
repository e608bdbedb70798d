import { isRefusal, parseSpiffeId, type Refusal } from '@countersign/core'
import { hexFrom, sameBytes } from '../der/der-values.js'
import { certificateEvidence, readCertificates } from './certificates.js'
import { decodeEscapedPem, decodeEscapedPemChain } from './escaped-pem.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { ambiguous, hopsMissing, malformed, mismatch } from './refusals.js'
import { splitXfcc, type XfccPair } from './xfcc-elements.js'

const SHA256_HEX = /^[0-9A-Fa-f]{64}$/
/** Keys that an element has once. */
const SINGLE: ReadonlySet<string> = new Set(['hash', 'cert', 'chain', 'subject'])

/**
 * Reads `x-forwarded-client-cert` in Envoy's text form. Proxies append on the right, so the element that counts is the one at the position
 * `hops` from the right; those further left are whatever came in, and only have to be well-formed, since their quotes decide where the
 * others begin.
 *
 * With `Cert` or `Chain` (which has the leaf first) the evidence is a certificate, and `Hash`, `URI` and `DNS` have to agree with it.
 * Without them it is the name in the one `URI`, which has to be a SPIFFE ID of a workload. `Subject` is not compared: its text has
 * several forms, and identity is not in it. `By` and unknown keys are not read.
 *
 * Envoy does not escape `URI` and `DNS` (read in its code): trust its names without a certificate only below a CA that does not sign
 * names with `,` and `;` in them.
 *
 * @param hops How many trusted proxies append an element: 1 with `SANITIZE_SET`.
 * @returns `null` for an empty value. Refusals: `ERR_FORWARDED_MALFORMED`, `ERR_FORWARDED_TOO_LARGE`, `ERR_FORWARDED_AMBIGUOUS` (a key
 * twice), `ERR_FORWARDED_HOPS`, `ERR_FORWARDED_MISMATCH`. Never throws.
 */
export function parseXfcc(value: string | null | undefined, hops = 1): ForwardedResult {
  const text = fieldText(value, 'xfcc')
  if (isRefusal(text)) return text
  if (text === '') return null
  const elements = splitXfcc(text)
  return isRefusal(elements) ? elements : evidenceFromElements(elements, hops)
}

/** The evidence in the element that the outermost trusted proxy wrote. */
export function evidenceFromElements(elements: readonly (readonly XfccPair[])[], hops: number): ForwardedResult {
  const element = Number.isSafeInteger(hops) && hops >= 1 ? elements[elements.length - hops] : undefined
  if (element === undefined) return hopsMissing('xfcc', hops, elements.length)
  const seen = new Set<string>()
  for (const [key] of element) {
    if (SINGLE.has(key) && seen.has(key)) return ambiguous('xfcc', 'repeated')
    seen.add(key)
  }
  const all = (key: string): string[] => element.filter(([name, text]) => name === key && text !== '').map(([, text]) => text)
  const [hash = null] = all('hash')
  if (hash !== null && !SHA256_HEX.test(hash)) return malformed('hash', 'hash')
  const certified = { hash: hash?.toLowerCase() ?? null, uris: all('uri'), dns: all('dns') }
  const [cert = null] = all('cert')
  const [chain = null] = all('chain')
  return cert === null && chain === null ? identityFrom(certified) : certificateFrom(cert, chain, certified)
}

interface Certified {
  readonly hash: string | null
  readonly uris: readonly string[]
  readonly dns: readonly string[]
}

function identityFrom({ hash, uris: [uri, second] }: Certified): ForwardedResult {
  // X.509-SVID §2: one URI, and §4.1: a leaf has a path.
  const id = uri === undefined || second !== undefined ? null : parseSpiffeId(uri)
  if (id === null || id.path === '') return malformed('uri', 'identity')
  return Object.freeze({ kind: 'identity', name: id.text, fingerprint256: hash, provenance: 'proxy-asserted' })
}

function certificateFrom(cert: string | null, chain: string | null, { hash, uris, dns }: Certified): ForwardedResult {
  const one = decodeEscapedPem(cert, 'certificate')
  const all = decodeEscapedPemChain(chain, 'chain')
  if (isRefusal(one)) return one
  if (isRefusal(all)) return all
  const alone = one?.[0]
  const first = all?.[0]
  if (alone !== undefined && first !== undefined && !sameBytes(alone, first)) return mismatch('chain', 'differs')
  const certificates = readCertificates(all ?? one ?? [], all === null ? 'certificate' : 'chain')
  if (isRefusal(certificates)) return certificates
  const { fingerprint, extensions } = certificates.leaf
  if (hash !== null && hash !== hexFrom(fingerprint)) return mismatch('hash', 'differs')
  return (
    differs('uri', uris, extensions.sans?.uri) ??
    differs('dns', dns, extensions.sans?.dns) ??
    certificateEvidence(certificates, 'proxy-passed-through')
  )
}

function differs(role: 'uri' | 'dns', said: readonly string[], held: readonly string[] = []): Refusal | null {
  const names = new Set(held)
  return said.every((name) => names.has(name)) ? null : mismatch(role, 'differs')
}
