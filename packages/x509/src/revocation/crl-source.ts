import type { Runtime } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { ReloadHooks } from '../trust/pem-setting.js'
import type { CrlSetting } from './check-revocation.js'
import { crlSignatureFlaw, judgeByCrls, namedCrlIssuers } from './crl-judgement.js'
import { type CrlLists, type ListHooks, listsFromFiles, listsFromSource, listsFromUrls } from './crl-lists.js'
import type { ParsedCrl } from './read-crl.js'
import type { RevocationAnswer, RevocationSource, RevocationSubject } from './revocation.js'

export interface CrlSource extends RevocationSource {
  reload(): boolean
  ready(): Promise<void>
  close(): void
}

export interface CrlSettings {
  readonly option: string
  readonly crl: CrlSetting
  /** A service that could not fetch its lists is ready all the same. */
  readonly optional: boolean
  readonly skewMs: number
  readonly hashBits: number
}

export interface CrlHooks extends ReloadHooks {
  readonly fetch: Runtime['fetch']
  /** The CA certificates known beforehand that have this subject. */
  authorities(subjectKey: string): readonly CaCertificate[]
}

type SignersNamed = Parameters<RevocationSource['ask']>[2]

/** What the issuer's key signed about a certificate, and what others signed that may speak for it. */
interface Gathered {
  readonly crls: readonly ParsedCrl[]
  /** There are lists that should know, usable or not. */
  readonly held: boolean
  /** When the first of those who signed them is to be looked for again. */
  readonly untilMs: number
}

/** CAs on verified paths: a mesh has tens. */
const MAX_ISSUERS = 256
const NEVER = Number.POSITIVE_INFINITY

/**
 * CRLs from files, from URLs or from a source. The signature of a CRL is verified once for each CA it is asked about: for those known
 * before, when it is loaded.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`
 */
export function createCrlSource({ option, crl, optional, skewMs, hashBits }: CrlSettings, hooks: CrlHooks): CrlSource {
  const issuers = new LRUCache<string, CaCertificate>({ max: MAX_ISSUERS })
  const authentic = new WeakMap<ParsedCrl, WeakMap<CaCertificate, boolean>>()
  const listHooks: ListHooks = { ...hooks, isProven, onReloaded }
  const lists = open()

  function open(): CrlLists {
    switch (crl.kind) {
      case 'files':
        return listsFromFiles(`${option}.files`, crl.files, listHooks)
      case 'source':
        return listsFromSource(option, crl.source, listHooks)
      case 'remote':
        return listsFromUrls(option, { ...crl, optional }, listHooks)
    }
  }

  function onReloaded(named: string, count: number): void {
    for (const issuer of issuers.values()) for (const list of lists.of(issuer.certificate.subjectKey)) isAuthentic(list, issuer)
    hooks.onReloaded(named, count)
  }

  function isProven(list: ParsedCrl): boolean {
    const seen = [...issuers.values()].filter(({ certificate }) => certificate.subjectKey === list.issuerKey)
    return [...hooks.authorities(list.issuerKey), ...seen].some((issuer) => isAuthentic(list, issuer))
  }

  function gather(subject: RevocationSubject, issuer: CaCertificate, signersNamed: SignersNamed): Gathered {
    const named = lists.of(subject.issuerKey)
    const crls = named.filter((list) => isAuthentic(list, issuer))
    const crlIssuers = namedCrlIssuers(subject)
    // The usual case: other keys are looked for only where there is a list that one of them must have signed.
    if (crls.length === named.length && crlIssuers.length === 0) return { crls, held: named.length > 0, untilMs: NEVER }
    // RFC 5280 §6.3.3 (f): another key of the same CA.
    const candidates = new Map([[subject.issuerKey, named.filter((list) => !crls.includes(list))]])
    // RFC 5280 §6.3.3 (b)(1): another issuer only where the certificate itself names it, and the list is indirect.
    for (const name of crlIssuers) {
      if (name === subject.issuerKey) continue
      candidates.set(
        name,
        lists.of(name).filter(({ scope }) => scope.indirect),
      )
    }
    let untilMs = NEVER
    for (const [name, unsigned] of candidates) {
      for (const { ca, untilMs: endMs } of unsigned.length === 0 ? [] : signersNamed(name)) {
        const signed = unsigned.filter((list) => !crls.includes(list) && isAuthentic(list, ca))
        if (signed.length === 0) continue
        issuers.set(ca.fingerprint, ca)
        crls.push(...signed)
        untilMs = Math.min(untilMs, endMs)
      }
    }
    return { crls, held: named.length > 0 || [...candidates.values()].some((found) => found.length > 0), untilMs }
  }

  function isAuthentic(list: ParsedCrl, issuer: CaCertificate): boolean {
    const verdicts = authentic.get(list) ?? new WeakMap<CaCertificate, boolean>()
    const verdict = verdicts.get(issuer) ?? crlSignatureFlaw(list, issuer, hashBits) === null
    authentic.set(list, verdicts.set(issuer, verdict))
    return verdict
  }

  const ask: RevocationSource['ask'] = (subject, issuer, signersNamed): RevocationAnswer => {
    issuers.set(issuer.fingerprint, issuer)
    const nowMs = hooks.nowMs()
    const { crls, held, untilMs } = gather(subject, issuer, signersNamed)
    const verdict = judgeByCrls(crls, subject, skewMs, nowMs)
    if (verdict.status === 'revoked') return verdict
    const lookAgainMs = verdict.status === 'good' ? Math.min(verdict.untilMs, untilMs) : 0
    if (verdict.status === 'good' && nowMs < verdict.untilMs) return { ...verdict, lookAgainMs }
    // Nothing current: what can be fetched is.
    const missing = lists.missing(subject)
    if (verdict.status === 'good') return { ...verdict, lookAgainMs }
    return { status: 'unknown', reason: verdict.reason === 'no-crl' ? missing : verdict.reason, hasSource: held || lists.expected(subject) }
  }

  return {
    ask,
    pending: (subject) => lists.pending(subject),
    reload: lists.reload,
    ready: lists.ready,
    close: lists.close,
  }
}
