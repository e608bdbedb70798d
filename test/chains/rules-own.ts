import type { Difference, Rule } from './rules.js'

interface Refused {
  readonly name: string
  readonly why: string
  /** Of a label: what was done to bring it about. */
  readonly mutation: RegExp
  readonly code: string
  /** Of the text that says why something cannot be read. */
  readonly unreadable?: RegExp
  readonly fact?: readonly [name: string, value: unknown]
}

function refused({ name, why, mutation, code, unreadable, fact }: Refused): Rule {
  return {
    name,
    refusedBy: 'countersign',
    why,
    explains: (difference: Difference) =>
      ((difference.code === code && (fact === undefined || difference.facts[fact[0]] === fact[1])) || hasOtherPath(difference)) &&
      difference.labels.some((label) => mutation.test(label)) &&
      (unreadable === undefined || difference.unreadable.some((reason) => unreadable.test(reason))),
  }
}

/** There is another path, which is no good either, or only the one through authorities, which openssl did not look at: the code may be that of it. */
function hasOtherPath({ labels }: Difference): boolean {
  return labels.some((label) => label.startsWith('topology: another certificate') || label === 'leaf is an anchor')
}

/** What cannot be read is refused for that where it is the leaf, and is no authority where it is one. */
function unreadable(name: string, why: string, mutation: RegExp, reason: RegExp): readonly Rule[] {
  return [
    refused({ name: `leaf: ${name}`, why, mutation, code: 'ERR_PEER_UNREADABLE', unreadable: reason }),
    ...unreadableAuthority(name, why, mutation, reason),
  ]
}

function unreadableAuthority(name: string, why: string, mutation: RegExp, reason: RegExp): readonly Rule[] {
  return [refused({ name: `authority: ${name}`, why, mutation, code: 'ERR_PEER_UNTRUSTED', unreadable: reason })]
}

const READING: readonly Rule[] = [
  ...unreadable(
    'DER in its one form',
    'RFC 5280 §4.1: what is signed is DER; X.690 §10.1, §11.1, §11.2: lengths are definite and shortest, TRUE is 0xFF, bits not in use are zero. openssl reads BER.',
    /encoding: (?:a longer length|an indefinite length)|of BER|bits that are not in use/,
    /shortest form|indefinite|BOOLEAN|unused bits/,
  ),
  ...unreadable(
    'nothing behind the end',
    'RFC 5280 §4.1: a certificate, and the value of each extension, is one element. RFC 5758 §3.2: ECDSA has no parameters. RFC 5280 §4.1.2.1, §4.1.2.9: extensions in version 3 alone.',
    /octets after it|a parameter that is not one|version: [12] with/,
    /bytes left over/,
  ),
  ...unreadable(
    'a version that exists',
    'RFC 5280 §4.1.2.1: 1, 2 and 3; X.690 §11.5: 1 is the default, which DER leaves out.',
    /version: (?:4|1 written out)/,
    /a version that does not exist/,
  ),
  ...unreadable(
    'a serial number as it should be',
    'RFC 5280 §4.1.2.2: positive, and no longer than twenty octets. Zero is read of a root alone.',
    /serial: (?:zero|negative|21 octets)/,
    /a serial number/,
  ),
  ...unreadable(
    'one extension of a kind',
    'RFC 5280 §4.2: no extension twice. openssl looks at those that it knows.',
    /extension twice/,
    /an extension twice/,
  ),
  ...unreadable(
    'a list that is not empty',
    'RFC 5280 §4.1, §4.1.2.4, §4.2.1.5, §4.2.1.6, §4.2.1.10, §4.2.1.12: SIZE (1..MAX) of extensions, attributes, mappings, names, subtrees and purposes.',
    /: empty$|of an empty list|no extension in the list|an empty SET/,
    /another type than expected|in the middle of a header|constrain nothing|bytes left over/,
  ),
  ...unreadableAuthority(
    'constraints that constrain something',
    'RFC 5280 §4.2.1.10, §4.2.1.11: an empty sequence must not be issued.',
    /(?:nameConstraints|policyConstraints): of nothing/,
    /that constrain nothing/,
  ),
  ...unreadableAuthority(
    'a subtree that is one',
    'RFC 5280 §4.2.1.10: DNS subtrees are host names without a dot in front, URI subtrees are hosts, address ranges are 8 or 32 octets and their masks whole prefixes (RFC 4632 §3.1).',
    /nameConstraints: .*(?:\.example\.com|garbage|with a scheme|torn mask|seven octets)/,
    /a name constraint that is no constraint|a name with characters that no name has/,
  ),
  ...unreadableAuthority(
    'no minimum and no maximum',
    'RFC 5280 §4.2.1.10: minimum is zero, which DER leaves out, and maximum is absent. openssl objects where a name of that type is there.',
    /nameConstraints: .*with a minimum or maximum/,
    /bytes left over/,
  ),
  ...unreadableAuthority(
    'a policy once',
    'RFC 5280 §4.2.1.4: a policy OID must not appear more than once. openssl looks at policies where it is told to.',
    /policies: one twice/,
    /a certificate policy twice/,
  ),
  ...unreadable(
    'a path length that is one',
    'RFC 5280 §4.2.1.9: from zero, only where cA is TRUE; one beyond 31 bits is nobody’s.',
    /basicConstraints: pathLen (?:huge|without CA|negative)/,
    /a path length of what is no CA|an INTEGER out of range/,
  ),
  ...unreadableAuthority(
    'policy extensions that can be read',
    'RFC 5280 §6.1.2, §6.1.4: they are processed always; openssl reads them where it is told to.',
    /(?:policies|no anyPolicy of|policyConstraints|policyMappings).*garbage/,
    /another type than expected|an INTEGER below zero|an INTEGER out of range/,
  ),
  ...unreadableAuthority(
    'one signature algorithm',
    'RFC 5280 §4.1.1.2: the same inside and outside of what is signed. openssl does not look at that of an anchor.',
    /^anchor signature: (?:another algorithm|with a parameter)/,
    /two signature algorithms/,
  ),
  refused({
    name: 'leaf: names in the letters of names',
    why: 'RFC 5280 §4.2.1.6: IA5 text, not empty, of characters that a host name, a URI or a mailbox has (CVE-2021-44532, CVE-2025-66220: a NUL ends a name for some).',
    mutation: /subjectAltName: (?:a NUL|a space|not ASCII|an empty dns|an address of five octets)/,
    code: 'ERR_PEER_UNREADABLE',
    unreadable: /a name with characters that no name has|an empty name|an address of another size/,
  }),
]

const JUDGING: readonly Rule[] = [
  refused({
    name: 'an authority is no leaf',
    why: 'RFC 5280 §4.2.1.9, X.509-SVID §5.2: what may sign certificates does not authenticate, unless `allowCaAsLeaf`.',
    mutation: /leaf (?:an authority|basicConstraints: (?:CA TRUE|pathLen|octets after)|keyUsage: (?:bit 5|keyCertSign))/,
    code: 'ERR_PEER_IS_CA',
  }),
  refused({
    name: 'an anchor is an authority',
    why: 'RFC 5280 §4.2.1.9, §6.1.4 (k): what issued a certificate says that it may, unless extensions of anchors are ignored. openssl does not ask an anchor with -purpose any.',
    mutation: /^anchor (?:basicConstraints|version|keyUsage)/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['certificate', 'anchor'],
  }),
  refused({
    name: 'a URI of no host under constraints on hosts',
    why: 'RFC 5280 §4.2.1.10: under a constraint on URIs, one without a host name is refused.',
    mutation: /(?:names|subjectAltName): .*uri (?:of an address|without host)/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['reason', 'name-constraints'],
  }),
  refused({
    name: 'a leaf that is listed proves nothing',
    why: 'RFC 5280 §6.1: a path has an anchor and a certificate that it issued. One that vouches for itself stays good whatever the authorities revoke. openssl is done with it under -partial_chain.',
    mutation: /^leaf is an anchor/,
    code: 'ERR_PEER_UNTRUSTED',
  }),
  refused({
    name: 'curves of an allow-list',
    why: 'RFC 5480 §2.1.1.1, NIST SP 800-186 §3.2: P-256, P-384 and P-521; P-224 and secp256k1 have the strength that openssl asks for.',
    mutation: /(?:signs with |key: )(?:p224|P-224|secp256k1)/,
    code: 'ERR_PEER_WEAK_KEY',
    fact: ['reason', 'a curve that is not accepted'],
  }),
  refused({
    name: 'RSA exponents of an allow-list',
    why: 'RFC 8017 §3.1, NIST SP 800-56B §6.2: odd, above 1, and here at most 32 bits, since strangers choose it and each bit costs time.',
    mutation: /key: (?:RSA with (?:exponent 1|a huge exponent)|last bit flipped)/,
    code: 'ERR_PEER_WEAK_KEY',
    fact: ['reason', 'a public exponent that is not accepted'],
  }),
  refused({
    name: 'RSA moduli are odd',
    why: 'RFC 8017 §3.1: a product of odd primes.',
    mutation: /key: RSA with an even modulus/,
    code: 'ERR_PEER_WEAK_KEY',
    fact: ['reason', 'an even modulus'],
  }),
  refused({
    name: 'a TLS peer signs',
    why: 'RFC 5280 §4.2.1.3, RFC 8446 §4.4.2.2: digitalSignature, for the handshake is signed. openssl takes keyAgreement and keyEncipherment too, for TLS 1.2.',
    mutation: /leaf keyUsage: (?:bit [24]|keyAgreement)/,
    code: 'ERR_PEER_PURPOSE',
  }),
  refused({
    name: 'a critical extension that is not processed',
    why: 'RFC 5280 §4.2, §6.1.4 (o), §6.1.5 (f): distribution points are looked at only for revocation; what is critical is processed or refused.',
    mutation: /critical distribution points/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['extension', '2.5.29.31'],
  }),
  refused({
    name: 'an authority has a name',
    why: 'RFC 5280 §4.1.2.4, §4.1.2.6: the issuer, and the subject of an authority, is not empty. openssl asks for it with -x509_strict.',
    mutation: /authority subject: empty/,
    code: 'ERR_PEER_CHAIN_INVALID',
  }),
  refused({
    name: 'policies are processed always',
    why: 'RFC 5280 §6.1.3 (f), §6.1.5 (g): an authority that requires a policy is obeyed; openssl does with -policy_check.',
    mutation: /policyConstraints: (?:explicit|both)/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['reason', 'policy'],
  }),
  refused({
    name: 'what an anchor says of policies',
    why: 'RFC 5937 §3.2: path validation begins with the constraints of the anchor, unless its extensions are ignored. openssl begins below it.',
    mutation: /^anchor policyConstraints/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['reason', 'policy'],
  }),
  refused({
    name: 'anyPolicy is not mapped',
    why: 'RFC 5280 §4.2.1.5, §6.1.4 (a): neither from it nor to it, policies asked for or not.',
    mutation: /policyMappings: (?:from|to) anyPolicy/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['reason', 'policy-mapping'],
  }),
  refused({
    name: 'a delta is no list',
    why: 'RFC 5280 §5.2.4, §6.3.3: a delta CRL says what changed, and nothing without its base. openssl takes it for a whole list unless it is told of deltas.',
    mutation: /crl .*: a delta/,
    code: 'ERR_PEER_REVOCATION_UNKNOWN',
  }),
  refused({
    name: 'a list with a number',
    why: 'RFC 5280 §5.1.2.1, §5.2.3: version 2, and the CRL number in it; openssl takes a list without.',
    mutation: /crl .*: (?:without a number|of version 1|without extensions|without an end)/,
    code: 'ERR_PEER_REVOCATION_UNKNOWN',
  }),
  refused({
    name: 'a list of DER',
    why: 'RFC 5280 §5.1, §4.1.2.2, X.690 §10.1, §11.1: what is signed is DER, TRUE is 0xFF, a serial number is what one is in a certificate.',
    mutation: /crl .*: with (?:BER|a serial number)/,
    code: 'ERR_PEER_REVOCATION_UNKNOWN',
  }),
  refused({
    name: 'a wildcard that may be an excluded name',
    why: 'RFC 5280 §4.2.1.10: an excluded subtree excludes what a wildcard stands for too; openssl compares the letters.',
    mutation: /names?: .*wildcard|subjectAltName: dns wildcard/,
    code: 'ERR_PEER_CHAIN_INVALID',
    fact: ['reason', 'name-constraints'],
  }),
]

/** We are stricter than openssl. */
export const OWN_RULES: readonly Rule[] = [...READING, ...JUDGING]
