import { MisuseError } from '@countersign/core'
import { dersOfEvidence } from '../der/evidence-bytes.js'
import { type CrlFlaw, type ParsedCrl, readCrl } from './read-crl.js'

/** In one file or answer. A CA has a list, or tens of shards; each costs a signature, whoever sent it. */
const MAX_CRLS = 1_000

const FLAWS: Readonly<Record<CrlFlaw, string>> = {
  'no-next-update': 'it has no nextUpdate',
  'no-number': 'no CRL number',
  'critical-extension': 'a critical extension',
  'attribute-certificates': 'it is for attribute certificates',
  scope: 'a scope that holds nothing',
  'remove-from-crl': 'removeFromCRL in a CRL that is no delta',
}

/** What is wrong with a CRL that can be read, in words. */
export function crlFlawText(flaw: CrlFlaw): string {
  return FLAWS[flaw]
}

/**
 * CRLs of a file or of the answer of a server: one in DER, or PEM blocks.
 * @param holder What they come from, for messages.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE` if there is none, or one that cannot be read or used.
 */
export function crlsOf(option: string, holder: string, bytes: Uint8Array): readonly ParsedCrl[] {
  const ders = dersOfEvidence(bytes, 'X509 CRL')
  if (ders === null) throw unreadable(option, holder, 'holds a damaged PEM block')
  if (ders.length === 0) throw unreadable(option, holder, 'holds no CRL')
  if (ders.length > MAX_CRLS) throw unreadable(option, holder, `holds more than ${MAX_CRLS} CRLs`)
  return readCrls(option, holder, ders)
}

/** @throws {MisuseError} `ERR_TRUST_UNREADABLE` */
export function readCrls(option: string, holder: string, ders: readonly Uint8Array[]): readonly ParsedCrl[] {
  return ders.map((der) => {
    const crl = readCrl(der)
    if (typeof crl === 'string') throw unreadable(option, holder, `holds a CRL that cannot be read: ${crl}`)
    // Rather a start-up error than a service that answers 503 to everyone.
    if (crl.unusable !== null) throw unreadable(option, holder, `holds a CRL that cannot be used: ${crlFlawText(crl.unusable)}`)
    return crl
  })
}

function unreadable(option: string, holder: string, reason: string): MisuseError {
  return new MisuseError('ERR_TRUST_UNREADABLE', option, `${holder} ${reason}`)
}
