import { FetchError, MisuseError, type Surroundings } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { CheckedOptions } from '../check-options.js'
import { leafRules } from '../leaf-rules.js'
import { SERVER } from '../path/check-path.js'
import type { CheckedRevocation } from '../revocation/check-revocation.js'
import type { CrlHooks } from '../revocation/crl-source.js'
import type { RevocationRules } from '../revocation/revocation.js'
import { type OpenedRevocation, openRevocation } from '../revocation/revocation-sources.js'
import { watchAnchorExpiry } from './anchor-expiry.js'
import { readPemSetting } from './pem-setting.js'
import { createTrust, type Trust } from './trust.js'

/** Everything that verdicts depend on and that changes while the service runs: anchors, intermediates, CRLs. */
export interface TrustState {
  /** Changes whenever one of them did. */
  epoch(): number
  readonly trust: Trust
  /** How it is known that nothing of a path to this anchor was revoked; `null`: it is not asked. */
  revocationFor(anchor: CaCertificate | undefined, trustDomain: string | null): RevocationRules | null
  intermediates(): readonly CaCertificate[]
  /** Looks at all files now. `true`: something changed. */
  reload(): boolean
  ready(): Promise<void>
  close(): void
}

/**
 * Reads all files once and watches them.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`, naming the option.
 */
export function openTrustState(options: CheckedOptions, surroundings: Surroundings): TrustState {
  const { recorder, clock } = surroundings
  const opened: { close(): void }[] = []
  const files = filesOf(options)
  let epoch = 0
  let recordExpiry = (): void => {}

  const hooks: CrlHooks = {
    fetch: surroundings.fetch,
    authorities: (subjectKey) => [
      ...trust.all().withSubject(subjectKey),
      ...(intermediates?.value ?? []).filter(({ certificate }) => certificate.subjectKey === subjectKey),
    ],
    intervalMs: options.intervalMs,
    nowMs: () => clock.nowMs(),
    onReloaded(option, count) {
      epoch++
      recordExpiry()
      if (!recorder.wants('trust.reloaded')) return
      // A bundle without anchors is taken over too: then every SVID of its trust domain is invalid.
      const severity = count === 0 ? 'warn' : 'info'
      recorder.record({
        kind: 'trust.reloaded',
        severity,
        message: 'Trust anchors or revocation lists changed and are in use',
        facts: { option, count },
      })
    },
    onFailed(option, error) {
      if (!recorder.wants('trust.reload-failed')) return
      const isKnown = error instanceof MisuseError || error instanceof FetchError
      const failure = error instanceof MisuseError && error.cause instanceof FetchError ? error.cause : error
      const code = isKnown ? 'ERR_TRUST_UNREADABLE' : 'ERR_GUARD_FAULT'
      const message =
        failure instanceof FetchError
          ? 'What is fetched could not be had, or does not count; what was had before counts for as long as the options say'
          : 'Trust files changed and cannot be used; the old ones stay in use'
      const file = files.get(option)
      const facts = {
        option,
        ...(file === undefined ? {} : { file }),
        // Ours: it quotes the paths of the options, never what is in the files.
        ...(isKnown ? { reason: error.message } : {}),
      }
      recorder.record({ kind: 'trust.reload-failed', severity: 'error', code, message, facts, cause: failure })
    },
  }

  function open<T extends { close(): void }>(create: () => T): T {
    try {
      const made = create()
      opened.push(made)
      return made
    } catch (error) {
      close()
      throw error
    }
  }

  function close(): void {
    for (const one of opened) one.close()
  }

  const { trust: setting, intermediates: extra, revocation: asked } = options
  const network = { fetch: surroundings.fetch, rules: () => leafRules(options, SERVER, clock.nowMs()) }
  const trust = open(() => createTrust(setting, hooks, network))
  const intermediates = extra === null ? null : open(() => readPemSetting(extra, 'intermediates', hooks))
  const policies = new Map<CheckedRevocation, OpenedRevocation>()
  const limits = { skewMs: options.skewMs, rsaBits: options.rsaBits, hashBits: options.hashBits }
  for (const policy of policiesOf(options)) {
    if (policy.mode !== 'off')
      policies.set(
        policy,
        open(() => openRevocation(policy, limits, hooks)),
      )
  }
  const revocations = [...policies.values()]
  const moving = [...trust.moving, ...revocations.flatMap((opened) => opened.moving)]
  const expiry = open(() => watchAnchorExpiry(trust, surroundings))
  recordExpiry = expiry.record

  return {
    epoch() {
      let sum = epoch
      for (let i = 0; i < moving.length; i++) sum += moving[i]?.epoch ?? 0
      return sum
    },
    trust,
    revocationFor(anchor, trustDomain) {
      if (revocations.length === 0 || anchor === undefined) return null
      const own = trust.settingOf(anchor.fingerprint, trustDomain)?.revocation
      const policy = own === undefined ? asked : own
      return policy === null ? null : (policies.get(policy)?.rules ?? null)
    },
    intermediates: () => intermediates?.value ?? [],
    reload: () => [trust, intermediates, ...revocations].map((source) => source?.reload() ?? false).includes(true),
    async ready() {
      await Promise.all([trust, ...revocations].map((source) => source.ready()))
      expiry.record()
    },
    close,
  }
}

/** The policy for all, and those of single bundles. */
function policiesOf({ trust, revocation }: CheckedOptions): readonly CheckedRevocation[] {
  const own = 'source' in trust ? [] : trust.anchors.flatMap((anchors) => anchors.revocation ?? [])
  return [...(revocation === null ? [] : [revocation]), ...own]
}

/** The one file or folder that an option names. Of several, the reason of a failure tells which. */
function filesOf(options: CheckedOptions): ReadonlyMap<string, string> {
  const { trust, intermediates } = options
  const settings = [...('source' in trust ? [] : trust.anchors), ...(intermediates === null ? [] : [intermediates])]
  const files = new Map(settings.flatMap((setting) => ('file' in setting ? [[setting.option, setting.file] as const] : [])))
  for (const { option, crl } of policiesOf(options)) {
    const [only, second] = crl?.kind === 'files' ? crl.files : []
    if (only !== undefined && second === undefined) files.set(`${option}.crl.files`, only)
  }
  return files
}
