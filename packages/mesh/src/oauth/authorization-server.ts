import { type ApiKeyVerifier, type Inbound, REPEATED, StateError, type Surroundings } from '@countersign/core'
import { createAdmission } from '@countersign/limit'
import { createApiKeyVerifier, createDpopProofVerifier } from '@countersign/token'
import { createPeerVerifier } from '@countersign/x509'
import { hasCurrentList } from '../current-list.js'
import { createTokenIssuance } from '../issue/issue-token.js'
import { answerJson, answerRejection, type OAuthAnswer } from './answer.js'
import { createCertificateReader } from './certificate-evidence.js'
import { createClientAuthenticator } from './client-authenticator.js'
import { createClientCredentialsGrant } from './client-credentials-grant.js'
import { createClientQuota } from './client-quota.js'
import { openClients } from './client-registry.js'
import type { Endpoint, EndpointResult } from './endpoint.js'
import { rejected } from './endpoint.js'
import type { OAuthExchange } from './exchange.js'
import { isFormType, parseForm } from './form.js'
import { createIntrospectionEndpoint } from './introspection-endpoint.js'
import { createListeners, type OAuthListeners } from './listener.js'
import { metadataOf, pathsOf } from './metadata.js'
import { type AuthorizationServerOptions, checkServerOptions } from './options.js'
import { createProofReader } from './proof-reader.js'
import { createRefreshFamilies } from './refresh-families.js'
import { createRefreshGrant } from './refresh-grant.js'
import { isRejection, reject } from './rejection.js'
import { createRequestRecord } from './request-record.js'
import { createRevocationEndpoint } from './revocation-endpoint.js'
import { createTokenEndpoint, grantNameOf } from './token-endpoint.js'
import { createTokenExchangeGrant } from './token-exchange-grant.js'
import { createTokenReader } from './token-reader.js'

/** An OAuth authorization server. */
export interface AuthorizationServer extends OAuthListeners {
  readonly issuer: string
  /** Is this request target one of the server's own? */
  owns(target: string): boolean
  /** Answers a request to one of its paths, without any framework. Never rejects. */
  handle(exchange: OAuthExchange): Promise<OAuthAnswer>
  /** Its metadata (RFC 8414). */
  metadata(): object
  /** For the `routes` of a guard in front of it: its endpoints judge who asks themselves. */
  readonly routes: readonly EndpointRoute[]
  /** What it needs is loaded. Rejects if that can never be. */
  ready(): Promise<void>
  /** What it opened is closed; the mesh stays its owner's to close. */
  close(): Promise<void>
}

/** An endpoint, as a guard exempts it. */
export interface EndpointRoute {
  readonly path: string
  readonly methods: readonly string[]
  readonly require: 'none'
}

/** Where a request goes. */
interface Route {
  readonly name: string
  readonly endpoint: Endpoint | null
  document(): object
}

const NO_BODY = new Uint8Array(0)

/**
 * Makes an authorization server: client credentials, token exchange and refresh, revocation and introspection, its keys and its metadata.
 * Mount it before any body parser.
 * @example
 * const server = createAuthorizationServer({
 *   mesh,
 *   mtls: { trust: 'ca.pem' },
 *   clients: [{
 *     clientId: 'spiffe://prod.example/orders',
 *     authentication: { method: 'tls_client_auth', sanUri: 'spiffe://prod.example/orders' },
 *     grants: ['client_credentials'],
 *     audiences: ['spiffe://prod.example/billing'],
 *   }],
 * })
 * app.use(server.listener)
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 * @see https://www.rfc-editor.org/rfc/rfc6749
 */
export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const checked = checkServerOptions(options)
  const { context } = checked
  const { core, rules } = context
  const { surroundings, issuer } = core
  const peers = options.mtls === undefined || options.mtls === null ? null : createPeerVerifier(options.mtls, surroundings)
  const apiKeys = openApiKeys(options.apiKeys, surroundings)
  const clients = openClients(options.clients, {
    issuer,
    tokenSeconds: rules.tokenMs / 1000,
    maxTokenSeconds: rules.maxTokenMs / 1000,
    verifiesCertificates: peers !== null,
    verifiesSecrets: apiKeys !== null,
    skewSeconds: Math.min(60, Math.floor(core.skewMs / 1000)),
    surroundings,
  })
  const admission = createAdmission(checked.perAddress === undefined ? {} : { perAddress: checked.perAddress }, surroundings)
  const quota = createClientQuota(checked.perClient, surroundings.clock)
  const certificates = createCertificateReader(peers)
  const authenticator = createClientAuthenticator({ core, clients, certificates, admission, apiKeys, surroundings })
  const reader = createTokenReader(core, checked.subjectIssuers)
  const families = createRefreshFamilies(core)
  const parts = { context, issue: createTokenIssuance(context), reader, families }
  const dpop = createDpopProofVerifier(
    'dpop',
    { ...options.dpop, origins: originsOf(issuer, checked.mtlsOrigin), replay: core.store },
    surroundings.clock,
  )
  const record = createRequestRecord(context)
  const paths = pathsOf(issuer)
  const metadata = metadataOf({
    issuer,
    paths,
    methods: methodsOf(peers !== null, apiKeys !== null),
    algorithms: clients.algorithms,
    proofAlgorithms: dpop.algorithms,
    mtlsOrigin: checked.mtlsOrigin,
  })
  const grants = {
    client_credentials: createClientCredentialsGrant(parts),
    refresh_token: createRefreshGrant(parts),
    token_exchange: createTokenExchangeGrant(parts),
  }
  const others = { context, authenticator, quota, reader, families }
  const routes: ReadonlyMap<string, Route> = new Map([
    [paths.token, formRoute('token', createTokenEndpoint({ core, authenticator, quota, proofs: createProofReader(dpop), grants }))],
    [paths.revoke, formRoute('revoke', createRevocationEndpoint(others))],
    [paths.introspect, formRoute('introspect', createIntrospectionEndpoint(others))],
    [paths.jwks, documentRoute('jwks', () => core.directory.jwks())],
    [paths.metadata, documentRoute('metadata', () => metadata)],
  ])

  function routeOf(target: string): Route | undefined {
    const query = target.indexOf('?')
    return routes.get(query === -1 ? target : target.slice(0, query))
  }

  async function handle({ inbound, body = NO_BODY }: OAuthExchange): Promise<OAuthAnswer> {
    const route = routeOf(inbound.target)
    if (route === undefined) return answerJson(404, { error: 'invalid_request', error_description: 'There is nothing here' })
    const allowed = methodsAt(route)
    if (!allowed.includes(inbound.method))
      return answerJson(
        405,
        { error: 'invalid_request', error_description: 'The method is not allowed here' },
        { Allow: allowed.join(', ') },
      )
    if (route.endpoint === null) return answerJson(200, route.document())
    const startMs = performance.now()
    const { result, grant } = await run(route.endpoint, inbound, body)
    record.finish(route.name, route.name === 'token' ? grant : null, result, startMs)
    return result.rejection === null ? result.answer : answerRejection(result.rejection, result.headers)
  }

  async function run(endpoint: Endpoint, inbound: Inbound, body: Uint8Array) {
    const form = readForm(inbound, body)
    const grant = isRejection(form) ? 'unknown' : (grantNameOf(form.one('grant_type')) ?? 'unknown')
    return { grant, result: isRejection(form) ? rejected(form) : await attempt(() => endpoint({ inbound, form })) } as const
  }

  async function attempt(work: () => Promise<EndpointResult>): Promise<EndpointResult> {
    try {
      // Whom a certificate or a token was taken from meanwhile cannot be told.
      if (!(await hasCurrentList(core))) return rejected(reject('ERR_STATE_UNAVAILABLE', { reason: 'lease' }))
      return await work()
    } catch (cause) {
      return rejected(
        cause instanceof StateError
          ? reject('ERR_STATE_UNAVAILABLE', { reason: cause.reason }, cause)
          : reject('ERR_OAUTH_FAULT', {}, cause),
      )
    }
  }

  const own = {
    issuer,
    owns: (target: string) => routeOf(target) !== undefined,
    handle,
    metadata: () => metadata,
    routes: Object.freeze([...routes].map(([path, route]) => Object.freeze({ path, methods: methodsAt(route), require: 'none' as const }))),
    async ready() {
      await Promise.all([peers?.ready(), apiKeys?.ready()])
    },
    async close() {
      await Promise.all([peers?.close(), apiKeys === options.apiKeys ? undefined : apiKeys?.close(), clients.close(), reader.close()])
    },
  }
  return Object.freeze({ ...own, ...createListeners({ owns: own.owns, handle, refuse: refuseRequest }) })

  /** A request that does not get as far as its endpoint. */
  function refuseRequest(inbound: Inbound, code: Parameters<typeof reject>[0]): OAuthAnswer {
    const rejection = reject(code)
    record.finish(routeOf(inbound.target)?.name ?? 'unknown', null, rejected(rejection), performance.now())
    return answerRejection(rejection)
  }
}

function openApiKeys(options: AuthorizationServerOptions['apiKeys'], surroundings: Surroundings): ApiKeyVerifier | null {
  if (options === undefined || options === null) return null
  return 'verify' in options ? options : createApiKeyVerifier(options, surroundings)
}

function methodsAt({ endpoint }: Route): readonly string[] {
  return endpoint === null ? ['GET', 'HEAD'] : ['POST']
}

function formRoute(name: string, endpoint: Endpoint): Route {
  return { name, endpoint, document: () => ({}) }
}

function documentRoute(name: string, document: () => object): Route {
  return { name, endpoint: null, document }
}

function readForm(inbound: Inbound, body: Uint8Array) {
  // RFC 6749 §2.3.1: credentials MUST NOT be in the request URI; and no parameter is taken from there.
  if (inbound.target.includes('?')) return reject('ERR_OAUTH_REQUEST', { reason: 'query' })
  const type = inbound.header('content-type')
  if (type === null || type === REPEATED || !isFormType(type)) return reject('ERR_OAUTH_REQUEST', { reason: 'media type' })
  return parseForm(body)
}

/** RFC 9449 §4.3, check 9: where the token endpoint is, by our own word. */
function originsOf(issuer: string, mtlsOrigin: string | null): readonly string[] {
  const { origin } = new URL(issuer)
  return mtlsOrigin === null ? [origin] : [origin, mtlsOrigin]
}

function methodsOf(certificates: boolean, secrets: boolean) {
  return [
    ...(certificates ? (['tls_client_auth'] as const) : []),
    'self_signed_tls_client_auth' as const,
    'private_key_jwt' as const,
    ...(secrets ? (['client_secret_basic', 'client_secret_post'] as const) : []),
  ]
}
