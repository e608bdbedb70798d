import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { MisuseError } from '@countersign/core'
import type { SigningIdentity } from './certificate.js'
import { type Element, elementAt, elementsOf } from './der-walk.js'
import { keyIdOf, spkiOf } from './key-pair.js'

/** An authority as its files hold it. */
export interface AuthorityPem {
  readonly certificatePem: string
  readonly keyPem: string
}

/** What it takes to issue in the name of an authority. */
export interface ReadAuthority {
  readonly certificateDer: Uint8Array
  readonly identity: SigningIdentity
  /** It has issued itself. */
  readonly isRoot: boolean
  readonly validTo: Date
}

/** @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` */
export function readAuthority(pem: AuthorityPem): ReadAuthority {
  const { certificate, key } = readPair(pem)
  const body = bodyOf(certificate.raw)
  const identity = { key, subject: elementAt(body, 5).whole, keyId: subjectKeyIdOf(body) ?? keyIdOf(spkiOf(key)) }
  return { certificateDer: certificate.raw, identity, isRoot: certificate.checkIssued(certificate), validTo: new Date(certificate.validTo) }
}

function readPair(pem: AuthorityPem): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const unreadable = (message: string, cause?: unknown) => new MisuseError('ERR_CREDENTIAL_UNREADABLE', '', message, cause)
  let certificate: X509Certificate
  let key: KeyObject
  try {
    certificate = new X509Certificate(pem.certificatePem)
    key = createPrivateKey(pem.keyPem)
  } catch (cause) {
    throw unreadable('The authority needs a certificate and an unencrypted private key, both in PEM', cause)
  }
  if (!certificate.checkPrivateKey(key)) throw unreadable('The private key does not belong to the certificate of the authority')
  if (!certificate.ca) throw unreadable('The certificate is not one of a certificate authority')
  return { certificate, key }
}

// TBSCertificate: version, serial, algorithm, issuer, validity, subject, spki, …, [3] extensions (RFC 5280 §4.1)
function bodyOf(certificateDer: Uint8Array): readonly Element[] {
  return elementsOf(elementAt(elementsOf(elementAt(elementsOf(certificateDer), 0).content), 0).content)
}

const EXTENSIONS = 0xa3
const SUBJECT_KEY_ID = Buffer.from([0x55, 0x1d, 0x0e]) // 2.5.29.14

// An authority made elsewhere may have another kind of key identifier, which what it issues must repeat (RFC 5280 §4.2.1.1).
function subjectKeyIdOf(body: readonly Element[]): Uint8Array | null {
  const wrapper = body.find((element) => element.tag === EXTENSIONS)
  if (wrapper === undefined) return null
  for (const extension of elementsOf(elementAt(elementsOf(wrapper.content), 0).content)) {
    const parts = elementsOf(extension.content)
    if (!SUBJECT_KEY_ID.equals(elementAt(parts, 0).content)) continue
    return elementAt(elementsOf(elementAt(parts, parts.length - 1).content), 0).content
  }
  return null
}
