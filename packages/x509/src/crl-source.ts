import type { Runtime } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CaCertificate } from './ca-certificate.js'
import type { CrlSetting } from './check-revocation.js'
import { asCrlOf, isSignedCrl, judgeByCrls, namedCrlIssuers } from './crl-judgement.js'
import { type CrlLists, type ListHooks, listsFromFiles, listsFromSource, listsFromUrls } from './crl-lists.js'
import { findCrlSigners } from './crl-signers.js'
import type { ReloadHooks } from './pem-setting.js'
import type { ParsedCrl } from './read-crl.js'
import type { RevocationAnswer, RevocationSource, RevocationSubject, Vouching } from './revocation.js'

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

/** CAs on verified paths: a mesh has tens. */
const MAX_ISSUERS = 256

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
    for (const issuer of issuers.values()) usableFor(issuer)
    hooks.onReloaded(named, count)
  }

  function isProven(list: ParsedCrl): boolean {
    const seen = [...issuers.values()].filter(({ certificate }) => certificate.subjectKey === list.issuerKey)
    return [...hooks.authorities(list.issuerKey), ...seen].some((issuer) => isAuthentic(list, issuer))
  }

  function usableFor(issuer: CaCertificate): readonly ParsedCrl[] {
    return lists.of(issuer.certificate.subjectKey).filter((list) => isAuthentic(list, issuer))
  }

  function isAuthentic(list: ParsedCrl, issuer: CaCertificate): boolean {
    const verdicts = authentic.get(list) ?? new WeakMap<CaCertificate, boolean>()
    const verdict = verdicts.get(issuer) ?? isSignedCrl(list, issuer, hashBits)
    authentic.set(list, verdicts.set(issuer, verdict))
    return verdict
  }

  /** Lists that others signed for this issuer: itself with another key, and those that the certificate names. */
  function listsOfOthers(subject: RevocationSubject, issuer: CaCertificate, vouching: Vouching): readonly ParsedCrl[] {
    const { subjectKey } = issuer.certificate
    const isListed = (ca: CaCertificate, by: CaCertificate): boolean =>
      usableFor(by).some(({ revoked }) => revoked.has(ca.certificate.serialNumber))
    const rules = { nowMs: hooks.nowMs(), skewMs, hashBits, isListed }
    return [subjectKey, ...namedCrlIssuers(subject)].flatMap((nameKey) => {
      const held = lists.of(nameKey).filter(({ scope }) => nameKey === subjectKey || scope.indirect)
      if (held.length === 0) return []
      const signers = findCrlSigners(nameKey, issuer, vouching, rules)
      return held.filter((list) => signers.some((signer) => isAuthentic(list, signer))).map((list) => asCrlOf(list, subjectKey))
    })
  }

  function ask(subject: RevocationSubject, issuer: CaCertificate, vouching?: Vouching): RevocationAnswer {
    issuers.set(issuer.fingerprint, issuer)
    const nowMs = hooks.nowMs()
    const own = usableFor(issuer)
    const all = vouching === undefined ? own : [...new Set([...own, ...listsOfOthers(subject, issuer, vouching)])]
    const verdict = judgeByCrls(all, subject, skewMs, nowMs)
    if (verdict.status === 'revoked') return verdict
    if (verdict.status === 'good' && nowMs < verdict.untilMs) return { ...verdict, lookAgainMs: verdict.untilMs }
    // Nothing current: what can be fetched is.
    const missing = lists.missing(subject)
    if (verdict.status === 'good') return { ...verdict, lookAgainMs: verdict.untilMs }
    const held = lists.of(issuer.certificate.subjectKey).length > 0
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
