import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import type { ServerCredentials } from './credentials.js'
import { AUDIENCE_URI, CALLER, ISSUER, SERVER_NAME, TRUST_DOMAIN } from './names.js'
import { tlsOptions } from './stacks/stack.js'

const signInBackground = promisify(sign)
const RSA_BITS = 2048
const LIFETIME_SECONDS = 3600

/**
 * A token endpoint that is not listening yet. `bare`: nothing is checked, and one RS256 signature made for each request. `countersign` and `peers`
 * (oidc-provider): client credentials by tls_client_auth, an RS256 access token bound to the certificate.
 */
export async function oauthServer(variant: string, credentials: ServerCredentials): Promise<Server> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
  return createServer(tlsOptions(credentials), await listenerOf(variant, credentials, privateKey))
}

async function listenerOf(variant: string, credentials: ServerCredentials, key: KeyObject): Promise<RequestListener> {
  switch (variant) {
    case 'bare':
      return bareListener(key)
    case 'countersign':
      return ownListener(credentials, key)
    case 'peers':
      return providerListener(key)
    default:
      throw new TypeError(`no variant ${variant}`)
  }
}

function bareListener(key: KeyObject): RequestListener {
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    if (form.get('client_id') !== CALLER) {
      res.writeHead(401, { 'content-length': 0 }).end()
      return
    }
    const iat = Math.floor(Date.now() / 1000)
    const claims = {
      iss: ISSUER,
      sub: CALLER,
      aud: AUDIENCE_URI,
      iat,
      exp: iat + LIFETIME_SECONDS,
      jti: randomBytes(16).toString('base64url'),
    }
    const input = `${encode({ alg: 'RS256', typ: 'at+jwt', kid: 'bench' })}.${encode(claims)}`
    const signature = await signInBackground('sha256', Buffer.from(input), key)
    const body = JSON.stringify({
      access_token: `${input}.${signature.toString('base64url')}`,
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
    })
    res
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
      .end(body)
  }
  return (req, res) => void answer(req, res)
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** With all that a service has: records, revocations, events that somebody takes, figures, and a line in the audit log for each token. */
async function ownListener({ caPem }: ServerCredentials, key: KeyObject): Promise<RequestListener> {
  const { createMeter } = await import('@countersign/guard')
  const { createAuthMesh, createAuthorizationServer } = await import('@countersign/mesh')
  const mesh = createAuthMesh({
    issuer: ISSUER,
    services: { [CALLER]: { mayCall: [] } },
    keys: { algorithm: 'RS256', keys: key },
    events: () => {},
    meter: createMeter(),
  })
  await mesh.ready()
  const server = createAuthorizationServer({
    mesh,
    mtls: { trust: [{ trustDomain: TRUST_DOMAIN, pem: caPem }] },
    clients: [
      {
        clientId: CALLER,
        authentication: { method: 'tls_client_auth', sanUri: CALLER },
        grants: ['client_credentials'],
        audiences: [AUDIENCE_URI],
        scopes: ['read'],
      },
    ],
    limit: { perClient: { quota: 1_000_000, windowSeconds: 1 } },
  })
  return server.listener
}

async function providerListener(key: KeyObject): Promise<RequestListener> {
  const { default: Provider } = await import('oidc-provider')
  const jwk = createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' })
  const provider = new Provider(`https://${SERVER_NAME}`, {
    clientAuthMethods: ['tls_client_auth'],
    clients: [
      {
        client_id: CALLER,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_uri: CALLER,
        tls_client_certificate_bound_access_tokens: true,
      },
    ],
    jwks: { keys: [{ ...jwk, kid: 'bench', use: 'sig', alg: 'RS256' }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, audience: string) => ({
          scope: 'read',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: ({ req }: Context) => req.socket.getPeerX509Certificate()?.toString(),
        certificateAuthorized: ({ req }: Context) => req.socket.authorized,
        certificateSubjectMatches: ({ req }: Context, _: string, expected: string) =>
          req.socket.getPeerX509Certificate()?.subjectAltName?.split(', ').includes(`URI:${expected}`) === true,
      },
    },
  })
  return provider.callback()
}

interface Context {
  readonly req: IncomingMessage & { readonly socket: TLSSocket }
}
