import { MisuseError } from '@countersign/core'
import { nameText } from '../der/distinguished-name.js'
import { crlFlawText } from './crl-file.js'
import { readCrl } from './read-crl.js'

/** What a CRL says, for people and tools. Nothing in it is verified. Frozen; dates are copies. */
export interface RevocationListMetadata {
  /** RFC 4514 text, for people and logs. */
  readonly issuer: string
  /** Lowercase hexadecimal. */
  readonly authorityKeyId: string | null
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly signatureAlgorithm: string
  /** How many entries it has. */
  readonly entries: number
  /** Why a verifier would not use it alone, such as `a delta CRL`; `null` if it would. */
  readonly unusable: string | null
  /** @param serialNumber Lowercase hexadecimal, without leading zeros. */
  lists(serialNumber: string): boolean
}

/**
 * Reads what one CRL says. Nothing is verified: not who signed it, not whether it is current.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`
 */
export function parseRevocationList(der: Uint8Array): RevocationListMetadata {
  const crl = readCrl(der)
  if (typeof crl === 'string') throw new MisuseError('ERR_TRUST_UNREADABLE', '', `the CRL cannot be read: ${crl}`)
  return Object.freeze({
    issuer: nameText(crl.issuer),
    authorityKeyId: crl.authorityKeyId,
    get thisUpdate() {
      return new Date(crl.thisUpdateMs)
    },
    get nextUpdate() {
      return new Date(crl.nextUpdateMs)
    },
    signatureAlgorithm: crl.signatureAlgorithm.name,
    entries: crl.revoked.size,
    unusable: crl.deltaBase !== null ? 'a delta CRL' : crl.unusable === null ? null : crlFlawText(crl.unusable),
    lists: (serialNumber: string) => crl.revoked.has(serialNumber),
  })
}
