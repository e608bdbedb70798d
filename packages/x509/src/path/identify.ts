import { type Identity, parseSpiffeId, type Refusal, refuse } from '@countersign/core'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { OID_COMMON_NAME } from '../der/distinguished-name.js'
import { emptyNames, type GeneralNames } from '../der/general-names.js'
import type { IdentityKind } from '../options.js'

/** Whom a leaf names, and the trust domain that has to vouch for it. */
export interface LeafNames {
  readonly identity: Identity
  /** Of the SPIFFE ID in the certificate, whichever name identifies its holder. */
  readonly trustDomain: string | null
}

// A host name with a wildcard is well-formed but names many; the numbers of an address do not name a host (RFC 5280 §4.2.1.6).
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i
const MAX_HOST = 253
const ADDRESS = /^[0-9.]+$/
const MAILBOX = /^[^@\s]+@[^@\s]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/
const SPIFFE_SCHEME = /^spiffe:/i
/** RFC 5280 appendix A: ub-common-name. */
const MAX_COMMON_NAME = 64

/** Reads the name that identifies the holder. Nothing is verified yet. */
export function identify(leaf: ParsedCertificate, kinds: readonly IdentityKind[]): LeafNames | Refusal {
  const sans = leaf.extensions.sans ?? emptyNames()
  const malformed = malformedName(sans)
  if (malformed !== null) return refuse('ERR_PEER_NAME', { reason: malformed })
  const spiffeId = parseSpiffeId(sans.uri[0] ?? '')
  for (const kind of kinds) {
    const value = nameOfKind(kind, leaf, sans)
    if (value === null) continue
    const authority = kind === 'spiffe' ? (spiffeId?.trustDomain ?? '') : ''
    return { identity: Object.freeze({ kind, authority, value }), trustDomain: spiffeId?.trustDomain ?? null }
  }
  return refuse('ERR_PEER_NAME', { reason: 'no-name-of-these-kinds', identifyBy: kinds })
}

function malformedName({ dns, uri, email }: GeneralNames): string | null {
  if (uri.some((name) => SPIFFE_SCHEME.test(name))) {
    // X.509-SVID §2: one URI. §5.2: a SPIFFE ID with a path.
    if (uri.length > 1) return 'more-than-one-uri'
    const id = parseSpiffeId(uri[0] ?? '')
    if (id === null || id.path === '') return 'not-a-spiffe-id'
  }
  if (dns.some((name) => name.length > MAX_HOST || !HOST.test(name) || ADDRESS.test(name))) return 'not-a-dns-name'
  if (email.some((name) => !MAILBOX.test(name))) return 'not-a-mailbox'
  return null
}

function nameOfKind(kind: IdentityKind, leaf: ParsedCertificate, sans: GeneralNames): string | null {
  switch (kind) {
    case 'spiffe':
      return parseSpiffeId(sans.uri[0] ?? '')?.text ?? null
    case 'uri':
      return sans.uri.length === 1 ? (sans.uri[0] ?? null) : null
    case 'dns':
      return sans.dns.find((name) => !name.startsWith('*.'))?.toLowerCase() ?? null
    case 'email':
      return sans.email[0] ?? null
    case 'cn':
      return commonName(leaf)
  }
}

/** The one common name: with two, which is meant would be anybody's guess. */
function commonName({ subject }: ParsedCertificate): string | null {
  const [only, second] = subject.rdns.flat().filter(({ oid }) => oid === OID_COMMON_NAME)
  const text = only?.text ?? ''
  return second !== undefined || text === '' || text.length > MAX_COMMON_NAME || UNPRINTABLE.test(text) ? null : text
}
