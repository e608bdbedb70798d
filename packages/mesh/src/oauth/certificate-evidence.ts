import {
  type CertificateMetadata,
  type Connection,
  type Inbound,
  isRefusal,
  type Peer,
  type PeerVerifier,
  type Refusal,
} from '@countersign/core'
import { parseCertificate } from '@countersign/x509'

/** What is known of the client certificate of a request. */
export interface CertificateEvidence {
  /**
   * The certificate whose key the caller has proven to hold, whoever signed it: what tokens are bound to, and what a registered certificate is
   * compared with (RFC 8705 §2.2, §3). `null` without one.
   */
  readonly certificate: CertificateMetadata | null
  /** Whom `mtls` says it is. A refusal where it is not believed; `null` without a certificate, or without `mtls`. */
  readonly finding: Peer | Refusal | null
}

/** Reads the client certificates of requests. */
export interface CertificateReader {
  /** Whom the connection is known to be of, without any cryptography. */
  recall(inbound: Inbound): Peer | null
  /** Never rejects. */
  read(inbound: Inbound): Promise<CertificateEvidence>
}

const NOTHING: CertificateEvidence = Object.freeze({ certificate: null, finding: null })

/** @param verifier `null`: no certificate is believed, so clients can only be known by certificates that they have registered. */
export function createCertificateReader(verifier: PeerVerifier | null): CertificateReader {
  const slot = Symbol('countersign.presented-certificate')

  // Once a connection: reading the socket and parsing the certificate is slow.
  function presentedOn(connection: Connection): CertificateMetadata | null {
    if (connection[slot] === undefined) connection[slot] = parsePresented(connection)
    return connection[slot] as CertificateMetadata | null
  }

  return {
    recall(inbound) {
      const known = verifier?.recall(inbound)
      return known === undefined || isRefusal(known) ? null : known
    },
    async read(inbound) {
      const recalled = verifier === null ? null : verifier.recall(inbound)
      const finding = recalled === undefined && verifier !== null ? await verifier.verify(inbound) : (recalled ?? null)
      if (finding !== null && !isRefusal(finding)) return { finding, certificate: finding.certificate }
      // Behind a proxy the certificate of the connection is the proxy's own, and no client's.
      if (verifier?.proxyFields !== undefined && verifier.proxyFields(inbound) !== null) return { ...NOTHING, finding }
      return { finding, certificate: presentedOn(inbound.connection) }
    },
  }
}

function parsePresented(connection: Connection): CertificateMetadata | null {
  if (connection.transport !== 'tls' || !connection.certificateRequested) return null
  try {
    const presented = connection.presented()
    return presented.kind === 'certificate' ? parseCertificate(presented.leaf) : null
  } catch {
    // One that cannot be read is none: nobody can be known by it, and nothing bound to it.
    return null
  }
}
