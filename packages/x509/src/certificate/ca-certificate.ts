import type { KeyObject } from 'node:crypto'
import { hexFrom } from '../der/der-values.js'
import { keyObjectFrom, spkiSha256 } from './public-key.js'
import type { ParsedCertificate } from './read-certificate.js'

/** A certificate that may have issued others: one object for all the leaves below it, so its key is made once. */
export class CaCertificate {
  readonly certificate: ParsedCertificate
  /** Those found to have signed it, so that this is not verified again for every leaf below. */
  readonly signers = new WeakSet<CaCertificate>()
  #key: KeyObject | null | undefined
  #pin: string | undefined
  #fingerprint: string | undefined

  constructor(certificate: ParsedCertificate) {
    this.certificate = certificate
  }

  /** SHA-256 of the DER, lowercase hexadecimal. */
  get fingerprint(): string {
    this.#fingerprint ??= hexFrom(this.certificate.fingerprint)
    return this.#fingerprint
  }

  /** It was made before. */
  get hasKey(): boolean {
    return this.#key !== undefined
  }

  /** `null`: a key that nothing is verified with. */
  get key(): KeyObject | null {
    if (this.#key === undefined) this.#key = keyObjectFrom(this.certificate.key)
    return this.#key
  }

  /** SHA-256 of the SubjectPublicKeyInfo, base64. */
  get pin(): string {
    this.#pin ??= spkiSha256(this.certificate.key)
    return this.#pin
  }
}
