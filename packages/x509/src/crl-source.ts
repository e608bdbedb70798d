import { MisuseError, type Source } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CaCertificate } from './ca-certificate.js'
import type { CrlSetting } from './check-options.js'
import { asciiFrom } from './der-values.js'
import { createFileSource, type LoadedFile } from './file-source.js'
import { pemBlocks } from './pem.js'
import type { ReloadHooks } from './pem-setting.js'
import { MAX_CRL_BYTES, type ParsedCrl, readCrl } from './read-crl.js'
import type { RevocationSource, RevocationSubject } from './revocation.js'
import { verifySignature } from './signature-algorithm.js'

export interface CrlSource extends RevocationSource {
  reload(): boolean
  close(): void
}

export interface CrlSettings {
  readonly option: string
  readonly crl: CrlSetting
  readonly skewMs: number
  readonly hashBits: number
}

/** CAs on verified paths: a mesh has tens. */
const MAX_ISSUERS = 256
const EXTENSIONS = ['.crl', '.pem', '.der']

/** CRLs by their issuer, as they are now. */
interface Lists {
  readonly value: ReadonlyMap<string, readonly ParsedCrl[]>
  readonly epoch: number
  reload(): boolean
  close(): void
}

/**
 * CRLs from files or from a source. The signature of a CRL is verified once for each CA it is asked about: for those known before, when it is loaded.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`
 */
export function createCrlSource({ option, crl, skewMs, hashBits }: CrlSettings, hooks: ReloadHooks): CrlSource {
  const issuers = new LRUCache<string, CaCertificate>({ max: MAX_ISSUERS })
  const authentic = new WeakMap<ParsedCrl, WeakMap<CaCertificate, boolean>>()
  const source: Lists = 'get' in crl ? handedLists(option, crl, hooks) : listsFromFiles(`${option}.files`, crl, hooks, onReloaded)

  function onReloaded(crls: Lists['value']): void {
    for (const issuer of issuers.values()) usableFor(issuer, crls)
    hooks.onReloaded(option, [...crls.values()].flat().length)
  }

  function usableFor(issuer: CaCertificate, crls = source.value): readonly ParsedCrl[] {
    return (crls.get(issuer.certificate.subjectKey) ?? []).filter((crl) => isAuthentic(crl, issuer))
  }

  function isAuthentic(crl: ParsedCrl, issuer: CaCertificate): boolean {
    const verdicts = authentic.get(crl) ?? new WeakMap<CaCertificate, boolean>()
    const verdict = verdicts.get(issuer) ?? isSignedBy(crl, issuer, hashBits)
    authentic.set(crl, verdicts.set(issuer, verdict))
    return verdict
  }

  function ask(subject: RevocationSubject, issuer: CaCertificate): 'revoked' | number {
    issuers.set(issuer.fingerprint, issuer)
    let untilMs = Number.NEGATIVE_INFINITY
    for (const crl of usableFor(issuer)) {
      // What an authentic CRL once listed stays revoked, however old it is.
      if (crl.revoked.has(subject.serialNumber)) return 'revoked'
      if (covers(crl, subject) && crl.thisUpdateMs - skewMs <= hooks.nowMs()) untilMs = Math.max(untilMs, crl.nextUpdateMs + skewMs)
    }
    return untilMs
  }

  return {
    get epoch() {
      return source.epoch
    },
    ask,
    reload: source.reload,
    close: source.close,
  }
}

function listsFromFiles(option: string, paths: readonly string[], hooks: ReloadHooks, onReloaded: (crls: Lists['value']) => void): Lists {
  return createFileSource({
    option,
    errorCode: 'ERR_TRUST_UNREADABLE',
    paths,
    extensions: EXTENSIONS,
    maxBytes: MAX_CRL_BYTES,
    intervalMs: hooks.intervalMs,
    parse: (loaded) => byIssuer(loaded.flatMap((file) => readFile(option, file))),
    onReloaded,
    onFailed: (error) => hooks.onFailed(option, error),
  })
}

/** What somebody else keeps, read whenever its epoch changed. What cannot be read is reported, and the old lists stay in use. */
function handedLists(option: string, crl: Source<readonly Uint8Array[]>, hooks: ReloadHooks): Lists {
  const read = (): Lists['value'] => byIssuer(readAll(option, 'the source', crl.get('') ?? []))
  let value = read()
  let { epoch } = crl

  function reload(): boolean {
    if (crl.epoch === epoch) return false
    epoch = crl.epoch
    try {
      value = read()
      return true
    } catch (error) {
      hooks.onFailed(option, error)
      return false
    }
  }

  return {
    get value() {
      reload()
      return value
    },
    get epoch() {
      return crl.epoch
    },
    reload,
    close() {},
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-6.3.3 (f), (g) */
function isSignedBy(crl: ParsedCrl, { certificate, key }: CaCertificate, hashBits: number): boolean {
  const { keyUsage, subjectKeyId } = certificate.extensions
  const { scheme } = crl.signatureAlgorithm
  if (keyUsage !== null && !keyUsage.includes('cRLSign')) return false
  if (crl.authorityKeyId !== null && subjectKeyId !== null && crl.authorityKeyId !== subjectKeyId) return false
  if (key === null || scheme === null || scheme.hashBits < hashBits || !scheme.keys.includes(certificate.key.description.type)) return false
  return verifySignature(scheme, crl.signed, crl.signature, key)
}

// RFC 5280 §6.3.3 (b): the scope of the CRL includes the certificate.
function covers({ scope }: ParsedCrl, { isCa, distributionPoints }: RevocationSubject): boolean {
  if (scope.only !== null && (scope.only === 'authorities') !== isCa) return false
  if (scope.distributionPoints === null) return true
  return scope.distributionPoints.some((uri) => distributionPoints?.includes(uri))
}

function byIssuer(crls: readonly ParsedCrl[]): ReadonlyMap<string, readonly ParsedCrl[]> {
  const map = new Map<string, ParsedCrl[]>()
  for (const crl of crls) map.set(crl.issuerKey, [...(map.get(crl.issuerKey) ?? []), crl])
  return map
}

function readFile(option: string, { path, bytes }: LoadedFile): readonly ParsedCrl[] {
  const ders = bytes[0] === 0x30 ? [bytes] : pemBlocks(asciiFrom(bytes), 'X509 CRL')
  if (ders === null) throw unreadable(option, path, 'holds a damaged PEM block')
  if (ders.length === 0) throw unreadable(option, path, 'holds no CRL')
  return readAll(option, path, ders)
}

function readAll(option: string, holder: string, ders: readonly Uint8Array[]): readonly ParsedCrl[] {
  return ders.map((der) => {
    const crl = readCrl(der)
    if (typeof crl === 'string') throw unreadable(option, holder, `holds a CRL that cannot be read: ${crl}`)
    // Rather a start-up error than a service that answers 503 to everyone.
    if (crl.unusable !== null) throw unreadable(option, holder, `holds a CRL that cannot be used: ${crl.unusable}`)
    return crl
  })
}

function unreadable(option: string, holder: string, reason: string): MisuseError {
  return new MisuseError('ERR_TRUST_UNREADABLE', option, `${holder} ${reason}`)
}
