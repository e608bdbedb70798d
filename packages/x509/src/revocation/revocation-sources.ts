import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { CheckedOptions } from '../check-options.js'
import type { CheckedRevocation } from './check-revocation.js'
import { type CrlHooks, createCrlSource } from './crl-source.js'
import { createOcspSource } from './ocsp-source.js'
import type { RevocationAnswer, RevocationRules, RevocationSource, RevocationSubject } from './revocation.js'

export interface OpenedRevocation {
  readonly rules: RevocationRules
  /** What changes without telling: its epochs are read on every request. */
  readonly moving: readonly { readonly epoch: number }[]
  reload(): boolean
  ready(): Promise<void>
  close(): void
}

export interface RevocationLimits {
  readonly skewMs: number
  readonly rsaBits: number
  readonly hashBits: number
}

/**
 * Opens what one policy names: lists, a responder, or both.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`
 */
export function openRevocation(checked: CheckedRevocation, limits: RevocationLimits, hooks: CrlHooks): OpenedRevocation {
  const { option, scope, graceMs, timeoutMs } = checked
  const mode = checked.mode === 'prefer' ? 'prefer' : 'require'
  const optional = mode === 'prefer' || graceMs === Number.POSITIVE_INFINITY || checked.ocsp !== null
  const crl = checked.crl === null ? null : createCrlSource({ option: `${option}.crl`, crl: checked.crl, optional, ...limits }, hooks)
  const ocsp = checked.ocsp === null ? null : createOcspSource({ option: `${option}.ocsp`, ocsp: checked.ocsp, ...limits }, hooks)
  const sources = [crl, ocsp].filter((one) => one !== null)

  /** Lists first, since they are here; a responder is asked about what no list has a current answer for. */
  const ask: RevocationSource['ask'] = (subject, issuer, signersNamed) => {
    if (ocsp?.isRevoked(subject, issuer)) return { status: 'revoked' }
    let best: RevocationAnswer | null = null
    for (const source of sources) {
      const answer = source.ask(subject, issuer, signersNamed)
      if (answer.status === 'revoked' || (answer.status === 'good' && hooks.nowMs() < answer.untilMs)) return answer
      best = best === null ? answer : betterOf(best, answer)
    }
    return best ?? { status: 'unknown', reason: 'no-source', hasSource: false }
  }

  function pending(subject: RevocationSubject, issuer: CaCertificate): Promise<unknown> | null {
    const waits = sources.flatMap((source) => source.pending(subject, issuer) ?? [])
    return waits.length === 0 ? null : Promise.all(waits)
  }

  return {
    rules: { source: { ask, pending }, mode, scope, graceMs, timeoutMs },
    moving: [...(checked.crl?.kind === 'source' ? [checked.crl.source] : []), ...(ocsp === null ? [] : [ocsp])],
    reload: () => crl?.reload() ?? false,
    ready: async () => crl?.ready(),
    close() {
      crl?.close()
      ocsp?.close()
    },
  }
}

/** The one that was known longer; of two that know nothing, the second, which was asked last, unless it could not know. */
function betterOf(a: RevocationAnswer, b: RevocationAnswer): RevocationAnswer {
  if (a.status === 'good') return b.status === 'good' && b.untilMs > a.untilMs ? b : a
  if (b.status === 'good') return b
  return b.status === 'unknown' && !b.hasSource ? a : b
}

/** Clauses for the line at start: what holds for all, unless it holds for nobody, and for single bundles. */
export function describeRevocation({ trust, revocation }: Pick<CheckedOptions, 'trust' | 'revocation'>): string {
  const anchors = 'source' in trust ? [] : trust.anchors
  const own = anchors.flatMap(({ revocation: policy, trustDomain }) =>
    policy === undefined ? [] : [`${describePolicy(policy)} for ${trustDomain ?? 'plain names'}`],
  )
  const general = own.length > 0 && own.length === anchors.length ? [] : [describePolicy(revocation)]
  return [...general, ...own].join(', ')
}

function describePolicy(checked: CheckedRevocation | null): string {
  if (checked === null || checked.mode === 'off') return 'revocation not checked'
  const { crl, ocsp, scope, mode, graceMs } = checked
  const by = [...(crl === null ? [] : [describeLists(crl)]), ...(ocsp === null ? [] : ['OCSP'])].join(' and ')
  const unknown = graceMs === Number.POSITIVE_INFINITY ? ', unknown is let through' : mode === 'prefer' ? ', where there is a source' : ''
  return `revocation of the ${scope} by ${by}${unknown}`
}

function describeLists(crl: NonNullable<CheckedRevocation['crl']>): string {
  const counted = (count: number, noun: string): string => `${count} CRL ${noun}${count === 1 ? '' : 's'}`
  switch (crl.kind) {
    case 'source':
      return 'a CRL source'
    case 'files':
      return counted(crl.files.length, 'file')
    case 'remote':
      return crl.hosts === null ? counted(crl.urls.length, 'URL') : 'CRL distribution points'
  }
}
