import {
  checkChoice,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  compileNameMatch,
  joinPath,
  kindOf,
  MisuseError,
  type Source,
  type TrustBundle,
} from '@countersign/core'
import { type CheckedDenyList, checkDenyList } from './deny-list.js'
import { decodeBase64, looksLikePem } from './der/pem.js'
import type { IdentityKind } from './options.js'
import { type CheckedRevocation, checkRevocation, isSource } from './revocation/check-revocation.js'
import { checkEndpoint, checkEndpoints, ENDPOINT_KEYS, type EndpointSetting } from './trust/check-endpoint.js'
import { isTrustDomain } from './trust/parse-spiffe-bundle.js'

/** {@link MtlsOptions}, checked and complete. */
export interface CheckedOptions {
  readonly trust: TrustSetting
  readonly identifyBy: readonly IdentityKind[]
  readonly isNamePermitted: ((name: string) => boolean) | null
  readonly pins: ReadonlySet<string> | null
  readonly revocation: CheckedRevocation | null
  readonly denyList: CheckedDenyList | null
  readonly rsaBits: number
  readonly hashBits: number
  readonly skewMs: number
  readonly intermediates: PemSetting | null
  readonly intervalMs: number
}

export type PemSetting = { readonly option: string } & ({ readonly file: string } | { readonly pem: string })
/**
 * `trustDomain` is `undefined` where the anchors vouch for every name. `revocation` is what holds for paths that end at these anchors;
 * `undefined`: what holds for all.
 */
export type AnchorSetting = ((PemSetting & { readonly trustDomain: string | null | undefined }) | EndpointSetting) & {
  readonly revocation?: CheckedRevocation | null
}
export type TrustSetting = { readonly anchors: readonly AnchorSetting[] } | { readonly source: Source<TrustBundle> }

const KINDS: readonly IdentityKind[] = ['spiffe', 'dns', 'uri', 'email', 'cn']
const DEFAULT_KINDS: readonly IdentityKind[] = Object.freeze(['spiffe', 'dns'])
const MAX_SKEW_SECONDS = 300
const DEFAULT_INTERVAL_MS = 2_000
const PIN_OCTETS = 32

/** @throws {MisuseError} for a wrong, missing or unknown option. */
export function checkMtlsOptions(option: string, options: unknown): CheckedOptions {
  checkKeys(option, options, [
    'trust',
    'identifyBy',
    'names',
    'pins',
    'revocation',
    'denyList',
    'minimum',
    'clockSkewSeconds',
    'intermediates',
    'reloadIntervalMs',
  ])
  const at = (key: string): string => joinPath(option, key)
  const { minimum = {}, names = null, pins = null, revocation = null, denyList = null, intermediates = null } = options
  checkKeys(at('minimum'), minimum, ['rsaBits', 'hash'])
  const hash = checkChoice(at('minimum.hash'), minimum['hash'] ?? 'sha256', ['sha256', 'sha384'])
  return Object.freeze({
    trust: checkTrust(at('trust'), options['trust']),
    identifyBy: checkKinds(at('identifyBy'), options['identifyBy'] ?? DEFAULT_KINDS),
    isNamePermitted: names === null ? null : checkNames(at('names'), names),
    pins: pins === null ? null : checkPins(at('pins'), pins),
    revocation: revocation === null ? null : checkRevocation(at('revocation'), revocation),
    denyList: denyList === null ? null : checkDenyList(at('denyList'), denyList),
    rsaBits: checkChoice(at('minimum.rsaBits'), minimum['rsaBits'] ?? 2048, [2048, 3072, 4096]),
    hashBits: Number(hash.slice(3)),
    skewMs: checkInteger(at('clockSkewSeconds'), options['clockSkewSeconds'] ?? 30, 0, MAX_SKEW_SECONDS) * 1000,
    intermediates: intermediates === null ? null : checkPem(at('intermediates'), intermediates, ['pem']),
    intervalMs: checkInteger(at('reloadIntervalMs'), options['reloadIntervalMs'] ?? DEFAULT_INTERVAL_MS, 10, 3_600_000),
  })
}

export function checkTrust(option: string, trust: unknown): TrustSetting {
  if (trust === undefined) throw new MisuseError('ERR_OPTION_MISSING', option, "says who may vouch for callers: write trust: 'ca.pem'")
  if (typeof trust === 'string') return { anchors: [{ option, file: checkPath(option, trust, 'trustDomain'), trustDomain: undefined }] }
  if (trust instanceof Uint8Array)
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a file name, not a Buffer; or { trustDomain, pem }')
  if (isSource<TrustBundle>(trust)) return { source: trust }
  const anchors = Array.isArray(trust)
    ? checkList(option, trust).map((entry, i) => checkAnchors(`${option}[${i}]`, entry))
    : [checkAnchors(option, trust)]
  checkEndpoints(option, anchors)
  return { anchors }
}

function checkAnchors(option: string, anchors: unknown): AnchorSetting {
  if (typeof anchors === 'string')
    throw new MisuseError('ERR_OPTION_INVALID', option, "takes an object: write { trustDomain: 'prod.example', file: 'ca.pem' }")
  const isEndpoint = typeof anchors === 'object' && anchors !== null && 'url' in anchors
  checkKeys(option, anchors, [...(isEndpoint ? ENDPOINT_KEYS : ['trustDomain', 'file', 'pem']), 'revocation'])
  const trustDomain = anchors['trustDomain']
  if (trustDomain !== null && !isTrustDomain(trustDomain)) {
    const fix = 'takes a trust domain without spiffe://, such as prod.example, or null for names that are no SPIFFE IDs'
    throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'trustDomain'), `${fix}, not ${kindOf(trustDomain)}`)
  }
  const { revocation, ...rest } = anchors
  const anchored = isEndpoint
    ? checkEndpoint(option, rest, trustDomain, (path, value) => checkPath(path, value, 'pem'))
    : { ...checkPem(option, rest, ['trustDomain', 'pem']), trustDomain }
  if (revocation === undefined) return anchored
  return { ...anchored, revocation: revocation === null ? null : checkRevocation(joinPath(option, 'revocation'), revocation) }
}

function checkPem(option: string, value: unknown, keys: readonly string[]): PemSetting {
  if (typeof value === 'string') return { option, file: checkPath(option, value, 'pem') }
  checkKeys(option, value, [...keys, ...(keys.includes('trustDomain') ? ['file'] : [])])
  const { file, pem } = value
  if ((file === undefined) === (pem === undefined)) throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'takes either file or pem')
  if (file !== undefined) return { option: joinPath(option, 'file'), file: checkPath(joinPath(option, 'file'), file, 'pem') }
  return { option: joinPath(option, 'pem'), pem: checkText(joinPath(option, 'pem'), pem) }
}

function checkPath(option: string, path: unknown, kind: 'trustDomain' | 'pem'): string {
  const text = checkText(option, path)
  const fix = kind === 'pem' ? '{ pem }' : "{ trustDomain: '…', pem }"
  if (looksLikePem(text)) throw new MisuseError('ERR_OPTION_INVALID', option, `looks like PEM: write \`${fix}\``)
  return text
}

function checkKinds(option: string, kinds: unknown): readonly IdentityKind[] {
  const checked = checkList(option, kinds).map((kind, i) => checkChoice(`${option}[${i}]`, kind, KINDS))
  if (new Set(checked).size < checked.length) throw new MisuseError('ERR_OPTION_INVALID', option, 'names a kind twice')
  return Object.freeze(checked)
}

function checkNames(option: string, names: unknown): (name: string) => boolean {
  const matches = checkList(option, names).map((name, i) => compileNameMatch(`${option}[${i}]`, name))
  return (name) => matches.some((match) => match(name))
}

/** @see https://www.rfc-editor.org/rfc/rfc7469#section-4.3 on why there are two */
function checkPins(option: string, pins: unknown): ReadonlySet<string> {
  const checked = new Set(
    checkList(option, pins).map((pin, i) => {
      if (typeof pin !== 'string' || decodeBase64(pin)?.length !== PIN_OCTETS) {
        const fix = "takes the base64 of a SHA-256, which is the certificate's spkiSha256"
        throw new MisuseError('ERR_OPTION_INVALID', `${option}[${i}]`, fix)
      }
      return pin
    }),
  )
  if (checked.size < 2) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes two pins or more: without a backup pin a new key locks every caller out')
  }
  return checked
}
