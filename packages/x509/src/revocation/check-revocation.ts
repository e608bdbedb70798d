import { checkChoice, checkInteger, checkKeys, checkList, checkText, joinPath, MisuseError, type Source } from '@countersign/core'
import { checkWhenUnavailable } from '../check-when-unavailable.js'
import { looksLikePem } from '../der/pem.js'
import { plainUrl } from './plain-url.js'

/** {@link CertificateRevocationOptions}, checked and complete. */
export interface CheckedRevocation {
  /** Path of the option. */
  readonly option: string
  readonly mode: 'off' | 'prefer' | 'require'
  readonly scope: 'leaf' | 'chain'
  readonly graceMs: number
  readonly timeoutMs: number
  readonly crl: CrlSetting | null
  readonly ocsp: OcspSetting | null
}

/** Paths, places, or CRLs that somebody else keeps. */
export type CrlSetting =
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'source'; readonly source: Source<readonly Uint8Array[]> }
  | {
      readonly kind: 'remote'
      readonly urls: readonly string[]
      readonly hosts: ReadonlySet<string> | null
      readonly refreshMs: number
    }

export interface OcspSetting {
  readonly at: { readonly url: string } | { readonly hosts: ReadonlySet<string> }
  readonly nonce: 'require' | 'if-answered' | 'none'
  readonly hash: 'sha1' | 'sha256'
  readonly maxAgeMs: number
}

const DEFAULT_TIMEOUT_MS = 1_500
const MAX_TIMEOUT_MS = 10_000
const DEFAULT_REFRESH_SECONDS = 3_600
const DEFAULT_MAX_AGE_SECONDS = 300
const MAX_AGE_SECONDS = 7 * 86_400
/** Each is fetched at the start and held. */
const MAX_URLS = 64
const MAX_HOSTS = 64
/** A name of 253 characters, and a port. */
const MAX_HOST = 260

/** @throws {MisuseError} for a wrong, missing or unknown option. */
export function checkRevocation(option: string, revocation: unknown): CheckedRevocation {
  checkKeys(option, revocation, ['mode', 'crl', 'ocsp', 'scope', 'whenUnavailable', 'timeoutMs'])
  const at = (key: string): string => joinPath(option, key)
  const mode = checkChoice(at('mode'), revocation['mode'] ?? 'require', ['off', 'prefer', 'require'])
  const { crl = null, ocsp = null } = revocation
  if (crl === null && ocsp === null && mode !== 'off')
    throw new MisuseError('ERR_OPTION_MISSING', at('crl'), "is missing: write crl: { files: ['ca.crl'] }, or ocsp: { hosts: [] }")
  return Object.freeze({
    option,
    mode,
    scope: checkChoice(at('scope'), revocation['scope'] ?? 'chain', ['leaf', 'chain']),
    graceMs: checkWhenUnavailable(at('whenUnavailable'), revocation['whenUnavailable'] ?? 'refuse', ['refuse', 'dangerously-allow']),
    timeoutMs: checkInteger(at('timeoutMs'), revocation['timeoutMs'] ?? DEFAULT_TIMEOUT_MS, 10, MAX_TIMEOUT_MS),
    crl: crl === null ? null : checkCrl(at('crl'), crl),
    ocsp: ocsp === null ? null : checkOcsp(at('ocsp'), ocsp),
  })
}

function checkCrl(option: string, crl: unknown): CrlSetting {
  if (isSource<readonly Uint8Array[]>(crl)) return { kind: 'source', source: crl }
  checkKeys(option, crl, ['files', 'urls', 'distributionPoints', 'refreshSeconds'])
  const { files, urls, distributionPoints, refreshSeconds } = crl
  if ([files, urls, distributionPoints].filter((one) => one !== undefined).length !== 1)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'takes one of files, urls and distributionPoints')
  if (files !== undefined) {
    if (refreshSeconds !== undefined)
      throw new MisuseError('ERR_OPTION_CONTRADICTION', joinPath(option, 'refreshSeconds'), 'goes with what is fetched, not with files')
    return { kind: 'files', files: checkFiles(joinPath(option, 'files'), files) }
  }
  const refreshMs = checkInteger(joinPath(option, 'refreshSeconds'), refreshSeconds ?? DEFAULT_REFRESH_SECONDS, 1, 86_400) * 1000
  if (urls !== undefined) return { kind: 'remote', urls: checkUrls(joinPath(option, 'urls'), urls), hosts: null, refreshMs }
  const pointsOption = joinPath(option, 'distributionPoints')
  checkKeys(pointsOption, distributionPoints, ['hosts'])
  return { kind: 'remote', urls: [], hosts: checkHosts(joinPath(pointsOption, 'hosts'), distributionPoints['hosts']), refreshMs }
}

function checkOcsp(option: string, ocsp: unknown): OcspSetting {
  checkKeys(option, ocsp, ['hosts', 'url', 'nonce', 'hash', 'maxAgeSeconds'])
  const at = (key: string): string => joinPath(option, key)
  const { hosts, url, nonce = 'if-answered', hash = 'sha1', maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS } = ocsp
  if ((hosts === undefined) === (url === undefined)) throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'takes either hosts or url')
  return Object.freeze({
    at: url === undefined ? { hosts: checkHosts(at('hosts'), hosts) } : { url: checkUrl(at('url'), url) },
    nonce: checkChoice(at('nonce'), nonce, ['require', 'if-answered', 'none']),
    hash: checkChoice(at('hash'), hash, ['sha1', 'sha256']),
    maxAgeMs: checkInteger(at('maxAgeSeconds'), maxAgeSeconds, 1, MAX_AGE_SECONDS) * 1000,
  })
}

function checkFiles(option: string, files: unknown): readonly string[] {
  return Object.freeze(
    checkList(option, files).map((file, i) => {
      const path = checkText(`${option}[${i}]`, file)
      if (looksLikePem(path)) throw new MisuseError('ERR_OPTION_INVALID', `${option}[${i}]`, 'looks like PEM: write the name of a file')
      return path
    }),
  )
}

function checkUrls(option: string, urls: unknown): readonly string[] {
  const checked = new Set(checkList(option, urls).map((url, i) => checkUrl(`${option}[${i}]`, url)))
  if (checked.size > MAX_URLS) throw new MisuseError('ERR_OPTION_INVALID', option, `takes ${MAX_URLS} URLs at most`)
  return Object.freeze([...checked])
}

// What is fetched is signed, so that http: will do.
function checkUrl(option: string, url: unknown): string {
  const plain = typeof url === 'string' ? plainUrl(url) : null
  if (plain === null) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an http: or https: URL without user and password')
  return plain.href
}

function checkHosts(option: string, hosts: unknown): ReadonlySet<string> {
  const checked = new Set(
    checkList(option, hosts).map((host, i) => {
      const plain = typeof host === 'string' && host.length <= MAX_HOST ? plainUrl(`http://${host}`) : null
      if (plain === null || plain.host !== String(host).toLowerCase())
        throw new MisuseError(
          'ERR_OPTION_INVALID',
          `${option}[${i}]`,
          'takes a host, with its port if that is not 80 or 443: crl.example:8080',
        )
      return plain.host
    }),
  )
  if (checked.size > MAX_HOSTS) throw new MisuseError('ERR_OPTION_INVALID', option, `takes ${MAX_HOSTS} hosts at most`)
  return checked
}

// A Map has `get` too, but nothing that says when it changed.
export function isSource<T>(value: unknown): value is Source<T> {
  if (typeof value !== 'object' || value === null || !('get' in value) || !('epoch' in value)) return false
  return typeof value.get === 'function' && typeof value.epoch === 'number'
}
