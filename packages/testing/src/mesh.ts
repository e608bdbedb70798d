import { renameSync, writeFileSync } from 'node:fs'
import { checkKeys, MisuseError, type Source, type TrustBundle } from '@countersign/core'
import {
  createDevAuthority,
  createTokenSigner,
  type DevAuthority,
  type KeyKind,
  type SigningAlgorithm,
  type TokenSigner,
} from '@countersign/issuer'
import { createTestClock, type TestClock } from './clock.js'
import { type Workload, workloadFrom } from './workload.js'

/** One trust domain in memory: a CA, a token issuer, a clock. Nothing touches disk or network but {@link TestMesh.writeCrl}. */
export interface TestMesh {
  readonly trustDomain: string
  /** For `runtime: { clock: mesh.clock }`. */
  readonly clock: TestClock
  /** For `mtls: { trust: mesh.trust }`. */
  readonly trust: Source<TrustBundle>
  /** The root in PEM, where a trust source does not fit. */
  readonly trustPem: string
  /** The root, for certificates that {@link TestMesh.workload} does not make. */
  readonly authority: DevAuthority
  /** What signs the mesh's tokens, for those that {@link TestMesh.token} does not make. */
  readonly signer: TokenSigner
  /** @param path of the SPIFFE ID, such as `/orders`. */
  workload(path: string, options?: WorkloadOptions): Workload
  /** Options of a guard that accept this mesh's tokens for `audience`; what else is given goes along. */
  jwt<const Options extends { readonly audience: string | readonly string[] | null }>(options: Options): Options & AcceptedTokens
  token(request: TestTokenRequest): string
  /** The CRLs of the root and the intermediate, always fresh: for `mtls: { revocation: { crl: mesh.crls } }`. */
  readonly crls: Source<readonly Uint8Array[]>
  /** The workload's certificate is revoked: at once by {@link TestMesh.crls}, elsewhere from the next {@link TestMesh.crlPem} on. */
  revoke(workload: Workload): void
  /** The CRLs of the root and the intermediate as they are now, valid for a day. */
  crlPem(): string
  /** Writes {@link TestMesh.crlPem} to a file, in one step, for `revocation: { crl: { files: [file] } }`. */
  writeCrl(file: string): void
}

/** What a mesh should be. */
export interface TestMeshOptions {
  /** Default: one of its own. Two meshes of one guard share one. */
  readonly clock?: TestClock
  /** Of its tokens. Default `ES256`. */
  readonly algorithm?: SigningAlgorithm
}

/** What a workload's certificate should be. */
export interface WorkloadOptions {
  /** Default 3600. */
  readonly validSeconds?: number
  /** Default: now, by the mesh's clock. */
  readonly validFrom?: Date
  /** Default `ec`; `rsa` has 2048 bits, to be quick. */
  readonly key?: KeyKind
  /** Issued by an intermediate below the root. Default `false`. */
  readonly intermediate?: boolean
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
}

/** What {@link TestMesh.jwt} adds to the token options it is given. */
export interface AcceptedTokens {
  readonly issuer: string
  readonly keys: { readonly jwks: ReturnType<TokenSigner['jwks']>['keys'] }
  readonly algorithms: readonly [SigningAlgorithm]
  readonly subjects: readonly [{ readonly trustDomain: string }]
}

/** What a token of the mesh should say. */
export interface TestTokenRequest {
  readonly audience: string
  /** Default: the workload that the token is bound to, else the SPIFFE ID `…/test`. */
  readonly subject?: string
  readonly scope?: string
  readonly boundTo?: Workload
  /** Default 3600, at most 86,400. */
  readonly expiresInSeconds?: number
  readonly claims?: Readonly<Record<string, unknown>>
}

const MESH_KEYS = ['clock', 'algorithm'] as const
const WORKLOAD_KEYS = ['validSeconds', 'validFrom', 'key', 'intermediate', 'dns', 'ip'] as const
const TOKEN_KEYS = ['audience', 'subject', 'scope', 'boundTo', 'expiresInSeconds', 'claims'] as const
const HOUR_SECONDS = 3600
const DAY_SECONDS = 86_400
const TEN_YEARS_SECONDS = 3653 * DAY_SECONDS
const QUICK_RSA_BITS = 2048

/**
 * Makes a mesh.
 * @example
 * const mesh = createTestMesh('prod.example')
 * const orders = mesh.workload('/orders')
 * const guard = createGuard({ mtls: { trust: mesh.trust }, jwt: null, authorize: [orders.id], runtime: { clock: mesh.clock } })
 */
export function createTestMesh(trustDomain = 'test.example', options: TestMeshOptions = {}): TestMesh {
  const given: unknown = options
  checkKeys('options', given, MESH_KEYS)
  const clock = options.clock ?? createTestClock()
  // A day of the past, so that a test may turn the clock back.
  const past = new Date(clock.nowMs() - DAY_SECONDS * 1000)
  const authority = createDevAuthority({
    name: `Root of ${trustDomain}`,
    trustDomain,
    clock,
    validFrom: past,
    validSeconds: TEN_YEARS_SECONDS,
  })
  const issuer = `https://issuer.${trustDomain}`
  const signer = createTokenSigner({
    issuer,
    clock,
    algorithm: options.algorithm ?? 'ES256',
    maxExpiresInSeconds: DAY_SECONDS,
    dangerouslyAllowAnyClaim: true,
  })
  const bundle: TrustBundle = Object.freeze({ trustDomain, anchors: Object.freeze([authority.certificateDer]) })
  const revoked = new Map<string, { readonly serialNumber: string; readonly revokedAt: Date; readonly issuer: DevAuthority }>()
  const intermediate = authority.issueAuthority({
    name: `Intermediate of ${trustDomain}`,
    pathLength: 0,
    validFrom: past,
    validSeconds: TEN_YEARS_SECONDS,
  })
  let crlNumber = 1

  function crlPem(): string {
    const number = crlNumber++
    const listOf = (issuing: DevAuthority) =>
      issuing.revocationList({ revoked: [...revoked.values()].filter(({ issuer }) => issuer === issuing), number })
    return listOf(authority) + listOf(intermediate)
  }

  // Lists are valid for a day: twice a day there are new ones, whatever a test does to the clock.
  const crls: Source<readonly Uint8Array[]> = Object.freeze({
    get epoch() {
      return revoked.size + Math.floor(clock.nowMs() / (DAY_SECONDS * 500))
    },
    get: (key: string) =>
      key === ''
        ? [...crlPem().matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END/g)].map(([, base64 = '']) => Buffer.from(base64, 'base64'))
        : undefined,
  })

  return Object.freeze({
    trustDomain,
    crls,
    clock,
    trust: Object.freeze({ epoch: 1, get: (key: string) => (key === trustDomain ? bundle : undefined) }),
    trustPem: authority.certificatePem,
    authority,
    signer,
    workload(path: string, options: WorkloadOptions = {}): Workload {
      const given: unknown = options
      checkKeys('options', given, WORKLOAD_KEYS)
      if (!path.startsWith('/')) throw new MisuseError('ERR_OPTION_INVALID', 'path', 'takes the path of a SPIFFE ID, such as /orders')
      const id = `spiffe://${trustDomain}${path}`
      const { intermediate: below = false, validSeconds = HOUR_SECONDS, ...request } = options
      const issuing = below ? intermediate : authority
      return workloadFrom(id, issuing.issue({ ...request, spiffeId: id, validSeconds, rsaBits: QUICK_RSA_BITS }))
    },
    jwt<const Options extends { readonly audience: string | readonly string[] | null }>(options: Options): Options & AcceptedTokens {
      return { ...options, issuer, keys: { jwks: signer.jwks().keys }, algorithms: [signer.algorithm], subjects: [{ trustDomain }] }
    },
    token(request: TestTokenRequest): string {
      const given: unknown = request
      checkKeys('request', given, TOKEN_KEYS)
      return signer.sign({
        expiresInSeconds: HOUR_SECONDS,
        ...request,
        subject: request.subject ?? request.boundTo?.id ?? `spiffe://${trustDomain}/test`,
      })
    },
    revoke({ serialNumber, chainDer }: Workload): void {
      const issuer = chainDer.length > 1 ? intermediate : authority
      revoked.set(serialNumber, { serialNumber, revokedAt: new Date(clock.nowMs()), issuer })
    },
    crlPem,
    writeCrl(file: string): void {
      writeFileSync(`${file}.tmp`, crlPem())
      renameSync(`${file}.tmp`, file)
    },
  })
}
