import type { CaCertificate } from './ca-certificate.js'
import { endMs } from './check-path.js'
import type { Vouching } from './revocation.js'
import { verifySignature } from './signature-algorithm.js'

export interface SignerRules {
  readonly nowMs: number
  readonly skewMs: number
  readonly hashBits: number
  /** Does a CRL of this issuer list the certificate? */
  isListed(certificate: CaCertificate, issuer: CaCertificate): boolean
}

/** Certificates of one name that are looked at: a CA has a handful of keys. Each costs a signature. */
const MAX_CANDIDATES = 8

/**
 * Who of this name may sign CRLs for certificates of an issuer: a CA above it, or whom the issuer or a CA above it certified, such as the
 * issuer itself with another key. Never whom a CA below it certified: that one would vouch for itself.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-6.3.3 (f)
 */
export function findCrlSigners(
  nameKey: string,
  issuer: CaCertificate,
  { path, others }: Vouching,
  rules: SignerRules,
): readonly CaCertificate[] {
  const from = path.indexOf(issuer)
  const [below, above] = [path.slice(0, from), path.slice(from)]
  const isNamed = ({ certificate }: CaCertificate): boolean => certificate.subjectKey === nameKey
  const candidates = new Map([...below, ...others].filter(isNamed).map((ca) => [ca.fingerprint, ca]))
  const vouchedFor = [...candidates.values()].slice(0, MAX_CANDIDATES).filter((ca) => isVouchedFor(ca, above, rules))
  return [...above.filter(isNamed), ...vouchedFor]
}

function isVouchedFor(ca: CaCertificate, above: readonly CaCertificate[], rules: SignerRules): boolean {
  const { certificate } = ca
  const { keyUsage, unknownCritical } = certificate.extensions
  if (!keyUsage?.includes('cRLSign') || unknownCritical !== null || certificate.key.flaw !== null) return false
  if (!(rules.nowMs < endMs(certificate, rules.skewMs) && rules.nowMs >= certificate.notBeforeMs - rules.skewMs)) return false
  return above.some((issuer) => isSignedBy(ca, issuer, rules.hashBits) && !rules.isListed(ca, issuer))
}

function isSignedBy({ certificate }: CaCertificate, issuer: CaCertificate, hashBits: number): boolean {
  const { scheme } = certificate.signatureAlgorithm
  const { key } = issuer
  if (certificate.issuerKey !== issuer.certificate.subjectKey || key === null) return false
  if (scheme === null || scheme.hashBits < hashBits || !scheme.keys.includes(issuer.certificate.key.description.type)) return false
  return verifySignature(scheme, certificate.signed, certificate.signature, key)
}
