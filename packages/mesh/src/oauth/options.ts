import {
  type ApiKeyVerifier,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  joinPath,
  kindOf,
  MisuseError,
  parseIssuerUrl,
} from '@countersign/core'
import type { Quota } from '@countersign/limit'
import type { ApiKeyOptions, DpopOptions, JwtOptions } from '@countersign/token'
import type { MtlsOptions } from '@countersign/x509'
import type { AuthMesh } from '../auth-mesh.js'
import { isMeshContext, type MeshContext } from '../mesh-context.js'
import type { ClientDirectory, OAuthClient } from './client.js'

/** An OAuth authorization server over the keys, the state and the revocations of a mesh. */
export interface AuthorizationServerOptions {
  /** The mesh whose tokens it issues, with the lifetimes of its `token`. Its `issuer` is where the server is: an `https` URL, whose path its endpoints are below. */
  readonly mesh: AuthMesh
  /** Who may get tokens: a list, or a directory that is asked on each request. Required. */
  readonly clients: readonly OAuthClient[] | ClientDirectory
  /**
   * Who may vouch for client certificates, for clients with `tls_client_auth`. The server must ask for certificates without refusing any:
   * `{ requestCert: true, rejectUnauthorized: false }`. Default `null`: no certificate is believed but those that clients registered.
   */
  readonly mtls?: MtlsOptions | null
  /** Client secrets are API keys: how they are checked, or what checks them, which stays the caller's to close. Default `null`: there are none. */
  readonly apiKeys?: ApiKeyOptions | ApiKeyVerifier | null
  /** Other issuers whose tokens may be exchanged (RFC 8693). Each names its `subjects`, which become names of
   * this mesh; its `binding` means nothing here. Default: none. */
  readonly subjectIssuers?: readonly JwtOptions[]
  /**
   * How DPoP proofs are verified (RFC 9449 §5). With `nonce`, each must hold a nonce of this server (RFC 9449 §8). Proofs that were used are
   * remembered in the store of the mesh. Default: a minute old at most, no nonce.
   */
  readonly dpop?: Omit<DpopOptions, 'origins' | 'replay'>
  readonly limit?: AuthorizationServerLimits
  /** Origin at which client certificates are asked for, where that is another one (RFC 8705 §5). Default: the issuer's. */
  readonly mtlsOrigin?: string
}

/** How much is done for whom. */
export interface AuthorizationServerLimits {
  /** Requests of one client that has proven who it is. Default: 100 a second, burst 200. `null`: none. */
  readonly perClient?: Quota | null
  /** Failed authentications of one verified peer, or else of one address. Default: 20 in 60 seconds. `null`: not counted. */
  readonly perAddress?: Quota | null
}

/** {@link AuthorizationServerOptions}, checked. */
export interface CheckedServerOptions {
  readonly context: MeshContext
  readonly perClient: Quota | null
  readonly perAddress: Quota | null | undefined
  readonly subjectIssuers: readonly JwtOptions[]
  readonly mtlsOrigin: string | null
}

const KEYS = ['mesh', 'clients', 'mtls', 'apiKeys', 'subjectIssuers', 'dpop', 'limit', 'mtlsOrigin'] as const
const LONGEST_WINDOW_SECONDS = 86_400
const PER_CLIENT: Quota = Object.freeze({ quota: 100, windowSeconds: 1, burst: 200 })

/**
 * Checks the options.
 * @throws {MisuseError}
 */
export function checkServerOptions(options: AuthorizationServerOptions): CheckedServerOptions {
  const given: unknown = options
  checkKeys('', given, KEYS)
  const context = contextOf(given['mesh'])
  checkIssuer(context.core.issuer)
  if (given['clients'] === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', 'clients', 'says who may get tokens: a list of clients, or an object with find(clientId)')
  const limit: unknown = options.limit ?? {}
  checkKeys('limit', limit, ['perClient', 'perAddress'])
  checkKeys('dpop', options.dpop ?? {}, ['maxAgeSeconds', 'futureSeconds', 'algorithms', 'nonce'])
  return Object.freeze({
    context,
    perClient: options.limit?.perClient === undefined ? PER_CLIENT : checkQuota('limit.perClient', options.limit.perClient),
    perAddress: options.limit?.perAddress,
    subjectIssuers: checkIssuers(options.subjectIssuers),
    mtlsOrigin: options.mtlsOrigin === undefined ? null : checkOrigin('mtlsOrigin', options.mtlsOrigin),
  })
}

function contextOf(mesh: unknown): MeshContext {
  if (typeof mesh !== 'object' || mesh === null)
    throw new MisuseError('ERR_OPTION_MISSING', 'mesh', `takes what createAuthMesh() returned, not ${kindOf(mesh)}`)
  if ('context' in mesh && isMeshContext(mesh.context)) return mesh.context
  throw new MisuseError('ERR_OPTION_INVALID', 'mesh', 'takes what createAuthMesh() returned')
}

/** RFC 8414 §2: an https URL without query and fragment. Compared as text, so it is written as a URL writes itself. */
function checkIssuer(issuer: string): void {
  const url = parseIssuerUrl(issuer)
  if (url?.protocol === 'https:' && (url.href === issuer || url.href === `${issuer}/`)) return
  throw new MisuseError('ERR_OPTION_INVALID', 'mesh', 'has an issuer that is not a plain https URL: an authorization server is found by it')
}

function checkOrigin(option: string, value: unknown): string {
  const text = checkText(option, value)
  if (URL.canParse(text) && new URL(text).origin === text && text.startsWith('https://')) return text
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes the origin of an https URL, such as https://mtls.mesh.example')
}

function checkQuota(option: string, value: unknown): Quota | null {
  if (value === null) return null
  checkKeys(option, value, ['quota', 'windowSeconds', 'burst'])
  const at = (key: string): string => joinPath(option, key)
  const quota = checkInteger(at('quota'), value['quota'], 1, 1_000_000)
  const windowSeconds = checkInteger(at('windowSeconds'), value['windowSeconds'], 1, LONGEST_WINDOW_SECONDS)
  const burst = value['burst'] === undefined ? quota : checkInteger(at('burst'), value['burst'], 1, 1_000_000)
  return Object.freeze({ quota, windowSeconds, burst })
}

/** RFC 9068 §5, RFC 9700 §4.15: what another issuer calls its subjects must not pass for a name of ours. */
function checkIssuers(issuers: unknown): readonly JwtOptions[] {
  if (issuers === undefined) return Object.freeze([])
  return checkList('subjectIssuers', issuers).map((entry, index) => {
    const option = `subjectIssuers[${index}]`
    if (typeof entry !== 'object' || entry === null)
      throw new MisuseError('ERR_OPTION_INVALID', option, `takes an issuer, not ${kindOf(entry)}`)
    if ('subjects' in entry && Array.isArray(entry.subjects)) return entry as JwtOptions
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      `${option}.subjects`,
      'names whom the issuer may speak for: its names become names of this mesh',
    )
  })
}
