import type { GuardOptions } from '@countersign/guard'
import { idOf, TRUST_DOMAIN } from './certificates.js'
import { NONCE_SECRET, ORIGIN } from './proofs.js'
import { ASKED_ISSUER, AUDIENCE, ISSUER, MAX_TOKEN_BYTES } from './tokens.js'
import type { World } from './world.js'

export type PresetName = keyof ReturnType<typeof presetsOf>

/** Guard options by name: one server of each in every cell. Quotas only where a row is about them, or rows would use up each other's. */
export function presetsOf(world: World) {
  const { certificates, tokens, keys, sessions } = world
  const trust = [
    { trustDomain: TRUST_DOMAIN, pem: certificates.root.certificatePem },
    { trustDomain: null, pem: certificates.plainRoot.certificatePem },
  ]
  const orders = idOf('/orders')
  const callers = [orders, idOf('/shipping'), 'partner.example']
  const issuer = {
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: { jwks: tokens.jwks },
    algorithms: ['ES256'],
    maxBytes: MAX_TOKEN_BYTES,
  } as const
  const both = { ...issuer, subjects: [{ trustDomain: TRUST_DOMAIN }, 'alice'] } as const
  const bearer = { ...both, binding: 'if-bound' } as const
  const revocation = (ageMs: number) => ({ list: { ageMs, has: (kind: string, id: string) => kind === 'token' && id === 'jti-revoked' } })
  const askedAbout = (fetch: typeof globalThis.fetch) =>
    ({
      issuer: ASKED_ISSUER,
      audience: AUDIENCE,
      subjects: [{ trustDomain: TRUST_DOMAIN }],
      introspection: {
        endpoint: `${ASKED_ISSUER}/introspect`,
        clientAuthentication: { method: 'tls_client_auth', clientId: AUDIENCE, fetch },
      },
    }) as const
  const dpop = { ...both, binding: 'dpop', dpop: { origins: ORIGIN } } as const
  const wit = {
    issuer: `spiffe://${TRUST_DOMAIN}`,
    audience: null,
    type: 'wit+jwt',
    keys: { jwks: tokens.jwks },
    proof: { origins: ORIGIN },
  } as const
  const apiKeys = {
    keys: keys.records,
    hashKey: keys.hashKey,
    owners: [{ trustDomain: TRUST_DOMAIN }, 'batch'],
    // Rows must not lock each other out.
    lock: null,
  } as const
  const keyAlone = { mtls: null, jwt: null, apiKeys, authorize: 'any-authenticated', limit: null } satisfies GuardOptions
  const proxy = { peer: idOf('/ingress') }
  const mtls = { mtls: { trust }, jwt: null, authorize: callers, limit: null } satisfies GuardOptions

  return {
    mtls,
    // What has judged something in the future need not judge it again in the past.
    'mtls-over-time': mtls,
    'certificate-and-token': { ...mtls, jwt: both },
    'bearer-token': { ...mtls, mtls: null, jwt: bearer, authorize: 'any-authenticated' },
    dpop: { ...mtls, mtls: null, jwt: dpop, authorize: 'any-authenticated' },
    'dpop-nonce': {
      ...mtls,
      mtls: null,
      jwt: { ...dpop, dpop: { origins: ORIGIN, nonce: { secret: NONCE_SECRET } } },
      authorize: 'any-authenticated',
    },
    'dpop-replay-down': {
      ...mtls,
      mtls: null,
      jwt: {
        ...dpop,
        dpop: { origins: ORIGIN, replay: { claim: () => Promise.reject(new Error('connection refused to redis://secret@store')) } },
      },
      authorize: 'any-authenticated',
    },
    'bearer-or-dpop': { ...mtls, mtls: null, jwt: { ...dpop, binding: 'if-bound' }, authorize: 'any-authenticated' },
    'certificate-and-dpop': { ...mtls, jwt: { ...dpop, binding: 'sender-constrained' } },
    workloads: {
      ...mtls,
      mtls: null,
      jwt: wit,
      authorize: [orders],
    },
    'either-one': { ...mtls, jwt: bearer, require: 'any', authorize: 'any-authenticated' },
    'certificate-or-both': { ...mtls, jwt: bearer, require: [['mtls', 'jwt'], ['mtls']], authorize: 'any-authenticated' },
    'nothing-required': { ...mtls, jwt: bearer, require: 'optional', authorize: 'anyone' },
    'anonymous-by-rule': {
      ...mtls,
      require: 'optional',
      authorize: [orders, { callers: { anonymous: true }, methods: 'GET', paths: '/public' }],
    },
    'any-audience': { ...mtls, jwt: { ...both, audience: null } },
    'intermediates-configured': { ...mtls, mtls: { trust, intermediates: { pem: certificates.intermediate.certificatePem } } },
    'cn-named': { ...mtls, mtls: { trust, identifyBy: ['spiffe', 'cn'] }, authorize: ['orders'] },
    'minimum-said': { ...mtls, mtls: { trust, minimum: { rsaBits: 2048 } } },
    'names-listed': { ...mtls, mtls: { trust, names: [orders] } },
    pinned: { ...mtls, mtls: { trust, pins: [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')] } },
    'revocation-list': { ...mtls, mtls: { trust, revocation: { crl: { files: [world.crlFile] } } } },
    'revocation-list-outdated': { ...mtls, mtls: { trust, revocation: { crl: { files: [world.oldCrlFile] } } } },
    'revocation-of-intermediate': { ...mtls, mtls: { trust, revocation: { crl: { files: [world.intermediateCrlFile] } } } },
    'keys-in-a-file': { ...mtls, jwt: { ...both, keys: { file: `${world.folder}/jwks.json` } } },
    'keys-fetched': { ...mtls, jwt: { ...both, keys: { jwksUri: 'https://issuer.example/jwks' } } },
    'keys-discovered': { ...mtls, jwt: { ...both, keys: { discover: true } } },
    'one-rule': { ...mtls, jwt: both, require: [['mtls'], ['mtls', 'jwt']], authorize: [{ callers: orders, methods: 'GET' }] },
    'two-rules': {
      ...mtls,
      authorize: [
        { callers: orders, methods: 'GET' },
        { callers: orders, paths: '/' },
      ],
    },
    'tokens-revocable': { ...mtls, jwt: { ...both, revocation: revocation(0) } },
    'tokens-revocation-outdated': { ...mtls, jwt: { ...both, revocation: revocation(60_000) } },
    'keys-unreachable': { ...mtls, jwt: { ...both, keys: { jwksUri: 'http://127.0.0.1:9/jwks', timeoutMs: 1000 } } },
    'tokens-asked-about': { ...mtls, jwt: [both, askedAbout(tokens.introspect)] },
    'issuer-not-answering': { ...mtls, jwt: askedAbout(() => Promise.reject(new Error('connection refused'))) },
    'rules-and-scopes': {
      ...mtls,
      jwt: both,
      authorize: [
        { callers: orders, methods: 'GET', paths: { under: '/invoices' }, scopes: ['invoices:read', 'invoices:list'] },
        { callers: orders, methods: ['GET', 'POST'], paths: '/orders' },
        { callers: orders, paths: '/gold', claims: { tier: 'gold' } },
        { callers: { under: idOf('/orders') }, paths: '/team' },
        { callers: { trustDomain: TRUST_DOMAIN }, paths: [{ under: '/files' }, '/everyone'] },
        { callers: { trustDomain: TRUST_DOMAIN }, paths: { under: '/files/private' }, deny: true },
      ],
    },
    routes: {
      ...mtls,
      jwt: both,
      require: [['mtls'], ['mtls', 'jwt']],
      routes: [
        { path: '/health', methods: ['GET', 'HEAD'], require: 'none' },
        { path: '/status', require: 'optional' },
        { path: { under: '/admin' }, require: 'all' },
        { path: { under: '/projects' }, encodedSlashes: true },
      ],
      authorize: [...callers, { callers: { anonymous: true }, paths: '/status' }],
    },
    'api-key': keyAlone,
    'keys-over-time': keyAlone,
    'api-keys-in-a-file': { ...keyAlone, apiKeys: { ...apiKeys, keys: { file: `${world.folder}/keys.json` } } },
    'keys-and-scopes': {
      ...keyAlone,
      authorize: [{ callers: orders, methods: 'GET', paths: { under: '/invoices' }, scopes: ['invoices:read', 'invoices:list'] }],
    },
    'keys-revocable': {
      ...keyAlone,
      apiKeys: {
        ...apiKeys,
        revocation: { list: { ageMs: 0, has: (kind: string, id: string) => kind === 'key' && id === keys.idOf('on-the-list') } },
      },
    },
    'keys-not-found': {
      ...keyAlone,
      apiKeys: { ...apiKeys, keys: { epoch: 1, find: () => Promise.reject(new Error('connection refused to redis://secret@store')) } },
    },
    'key-lock': { ...keyAlone, apiKeys: { ...apiKeys, lock: { failures: 1 } } },
    'key-lock-over-time': { ...keyAlone, apiKeys: { ...apiKeys, lock: { failures: 1 } } },
    'certificate-and-key': { ...mtls, apiKeys },
    'workloads-and-keys': { ...mtls, mtls: null, jwt: wit, apiKeys, require: 'any', authorize: 'any-authenticated' },
    'any-of-three': { ...mtls, jwt: bearer, apiKeys, require: 'any', authorize: 'any-authenticated' },
    'behind-nginx': { ...mtls, forwarded: { format: 'nginx', from: proxy } },
    'behind-two-envoys': { ...mtls, forwarded: { format: 'envoy-xfcc', from: proxy, hops: 2 } },
    'behind-rfc9440': { ...mtls, forwarded: { format: 'rfc9440', from: proxy } },
    'behind-linkerd': {
      ...mtls,
      forwarded: { format: 'linkerd', from: proxy, subjects: [{ dnsUnder: 'identity.linkerd.cluster.local' }] },
      authorize: ['orders.shop.serviceaccount.identity.linkerd.cluster.local'],
    },
    sessions: { ...mtls, session: sessions.verifier },
    'sessions-without-store': { ...mtls, session: sessions.withoutStore },
    'sessions-of-anybody': { ...mtls, session: sessions.verifier, require: 'optional', authorize: 'anyone' },
    'any-authority': { ...mtls, authority: 'any' },
    'details-exposed': { ...mtls, jwt: both, exposeDetails: true },
    'closed-on-denial': { ...mtls, closeOnDenial: true },
    'own-problem-type': { ...mtls, problemTypeBase: 'https://errors.prod.example/' },
    quota: { ...mtls, limit: { perCaller: { quota: 2, windowSeconds: 60 }, perAddress: null } },
    'quota-by-name': {
      ...mtls,
      limit: {
        perCaller: null,
        perAddress: null,
        policies: [{ name: 'writes', partitionBy: 'caller', quota: 1, windowSeconds: 10, only: { methods: 'POST' } }],
      },
    },
    'few-attempts': { ...mtls, limit: { perCaller: null, perAddress: { quota: 2, windowSeconds: 60 } } },
    'quota-store-down': {
      ...mtls,
      limit: {
        perAddress: null,
        whenUnavailable: 'refuse',
        store: { take: () => Promise.reject(new Error('connection refused to redis://secret@store')) },
      },
    },
    'authorizer-that-throws': {
      ...mtls,
      authorize: {
        authorize: () => {
          throw new Error('secret of the authorizer')
        },
        toString: () => 'broken',
      },
    },
    'audit-log-full': { ...mtls },
    'guard-closed': { ...mtls },
  } satisfies Record<string, GuardOptions>
}
