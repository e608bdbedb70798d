import { type CertificateMetadata, type Facts, parseSpiffeId } from '@countersign/core'

/** What of a leaf tells an operator which one it was. */
export interface LeafMarks extends Pick<CertificateMetadata, 'serialNumber' | 'fingerprint256' | 'authorityKeyId'> {
  readonly sans: Pick<CertificateMetadata['sans'], 'uri' | 'dns'>
}

/** A host name has 253 characters at most; longer ones are cut. */
const MAX_NAME = 255

/**
 * Facts about a refused leaf, for the log alone. `presented` is the name that it claims, which nothing has proven: its one SPIFFE ID, or its
 * first DNS name. `issuerKeyId` is the authority key identifier, which tells the CAs of one name apart.
 */
export function leafEvidence({ serialNumber, fingerprint256, authorityKeyId, sans }: LeafMarks): Facts {
  const issuerKeyId = authorityKeyId === null ? null : authorityKeyId.slice(0, MAX_NAME)
  return { presented: presentedName(sans), serialNumber, fingerprint256, issuerKeyId }
}

// Names that are not visible ASCII are refused where they are read.
function presentedName({ uri, dns }: LeafMarks['sans']): string | null {
  const [only, second] = uri.filter((name) => parseSpiffeId(name) !== null)
  const name = only !== undefined && second === undefined ? only : dns[0]
  return name?.slice(0, MAX_NAME) ?? null
}
