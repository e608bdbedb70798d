import type { Rule } from './rules.js'

interface Refused {
  readonly name: string
  readonly why: string
  /** Of a label: what was done to bring it about. */
  readonly mutation: RegExp
  /** Numbers of X509_V_ERR_…: one of them, if it is not any. None: openssl could not read it. */
  readonly errors: readonly number[] | 'any'
  /** Where it is told `-x509_strict`, `-crl_check_all`. */
  readonly only?: 'strict' | 'chain'
}

function refused({ name, why, mutation, errors, only }: Refused): Rule {
  return {
    name,
    refusedBy: 'openssl',
    why,
    explains: ({ errors: given, labels, settings }) =>
      (errors === 'any' || (given.length === 0 ? errors.length === 0 : given.every((error) => errors.includes(error)))) &&
      labels.some((label) => mutation.test(label)) &&
      (only !== 'strict' || settings.strict) &&
      (only !== 'chain' || settings.revocation === 'chain'),
  }
}

/** Counts only where openssl takes the path that we found, given nothing else. */
export const ONE_PATH = 'openssl: one path, no other'

/** openssl is stricter than we are: each for a reason why we need not be. */
export const OPENSSL_RULES: readonly Rule[] = [
  refused({
    name: ONE_PATH,
    why: 'RFC 5280 §6 validates a path, and RFC 4158 §2.4 has another one tried where one fails: openssl goes on with one issuer and does not come back.',
    mutation: /^topology: (?:a loop|cross-signed|another certificate)/,
    errors: 'any',
  }),
  refused({
    name: 'openssl: the first key of a name',
    why: 'RFC 5280 §6.1, §4.2.1.1: two authorities have one name after a change of keys. Without a key identifier openssl takes the anchor, and does not try the other.',
    mutation: /^topology: self-issued/,
    errors: [7],
  }),
  refused({
    name: 'openssl: key identifiers decide',
    why: 'RFC 5280 §4.2.1.1, RFC 4158 §3.5.12: they help to choose among issuers and are no part of validation in §6.1; the signature decides.',
    mutation: /key identifiers: (?:another|authority key identifier with another|an empty)/,
    errors: [20],
  }),
  refused({
    name: 'openssl: the last second is too late',
    why: 'RFC 5280 §4.1.2.5: valid through notAfter, inclusive. openssl takes a certificate that ends now for one that has ended.',
    mutation: /validity: ends this second/,
    errors: [10],
  }),
  refused({
    name: 'openssl: any purpose is not this purpose',
    why: 'RFC 5280 §4.2.1.12: anyExtendedKeyUsage stands for every purpose; `strictExtendedKeyUsage` asks for more.',
    mutation: /extendedKeyUsage: any/,
    errors: [26, 79],
  }),
  refused({
    name: 'openssl: a subject that is no text',
    why: 'RFC 5280 §6.1 does not look into the subject of a leaf where no constraint does. openssl cannot load the certificate.',
    mutation: /leaf subject: (?:bad UTF-8|BMPString of odd length)/,
    errors: [],
  }),
  refused({
    name: 'openssl: a common name is a host name',
    why: 'RFC 9525 §2, RFC 5280 §4.2.1.10: constraints on DNS names are about the SAN; we read no common name as a host.',
    mutation: /leaf subject: (?:host name|a NUL)/,
    errors: [47, 48, 53],
  }),
  refused({
    name: 'openssl: what issuers must write',
    why: 'RFC 5280 §4.2.1.1, §4.2.1.2, §4.1.2.6, §4.2.1.6: duties of whoever issues (key identifiers, a critical SAN beside an empty subject, critical basic constraints), which §6.1 does not check. With -x509_strict alone.',
    mutation:
      /^(?:leaf|authority|anchor) (?:key identifiers|version: 3 without extensions|encoding: no extension in the list|subject: empty|basicConstraints: not critical)/,
    errors: [85, 86, 88, 89, 90, 91],
    only: 'strict',
  }),
  refused({
    name: 'openssl: lists about the anchor too',
    why: 'RFC 5280 §6.1: the anchor is not part of the path, and nobody above it could revoke it. openssl asks with -crl_check_all.',
    mutation: /^crl of the issuer: (?:of users only|of authorities only)|^crl of an authority above/,
    errors: [3, 8, 11, 12, 44],
    only: 'chain',
  }),
]
