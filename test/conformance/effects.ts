import { createHash, X509Certificate } from 'node:crypto'
import { type CertificateKind, idOf, TRUST_DOMAIN } from './certificates.js'
import type { ForwardedKind } from './forwarded.js'
import type { PresetName } from './presets.js'
import { ORIGIN, type ProofKind } from './proofs.js'
import type { SessionKind } from './sessions.js'
import type { TokenKind } from './tokens.js'
import type { World } from './world.js'

/** A request to a guard, on a connection that is not there. */
export interface Probe {
  readonly certificate?: CertificateKind
  readonly forwarded?: ForwardedKind
  readonly token?: TokenKind
  /** A token that is bound to a key, and its proof. */
  readonly proof?: ProofKind
  /** What hands a session on. */
  readonly session?: SessionKind
  readonly method?: string
  readonly target?: string
  readonly authority?: string
  readonly serverName?: string
  /** How long after the one before it. */
  readonly afterSeconds?: number
}

/** Stands for the value that the field has where it is tried. */
export const KEEP = Symbol('as it is')

/** What two values of one field make of the same requests. */
export interface Effect {
  /** Path of the field; `0` for the first of a list. */
  readonly field: string
  /** What the field is tried on. Default: one that wants a certificate and a token. */
  readonly on?: PresetName
  readonly values: readonly [one: unknown, other: unknown]
  /** Sent in this order to a guard of each. */
  readonly probes: readonly Probe[]
  /** What the last of them met with: a code that was written down, or `granted`. */
  readonly is: readonly [one: string, other: string]
}

const GRANTED = 'granted'
const orders: Probe = { certificate: 'orders' }
const both: Probe = { certificate: 'orders', token: 'bound' }
const nginx: Probe = { certificate: 'ingress', forwarded: 'nginx orders' }
const post: Probe = { certificate: 'orders', method: 'POST' }

/** Every field of the options by what it does. Those that time alone would show stand in {@link SHOWN_ELSEWHERE}. */
export function effectsOf({ certificates, tokens, crlFile, oldCrlFile, intermediateCrlFile, folder }: World): readonly Effect[] {
  const root = { trustDomain: TRUST_DOMAIN, pem: certificates.root.certificatePem }
  const plain = { trustDomain: null, pem: certificates.plainRoot.certificatePem }
  const revoked = (answer: boolean) => ({ ageMs: 0, has: () => answer })
  const quota = { quota: 1, windowSeconds: 60 }
  const policy = { name: 'some', partitionBy: 'caller', ...quota }
  const rule = { callers: idOf('/orders'), methods: 'GET' }
  const denying = {
    take: (asked: readonly unknown[]) => asked.map(() => ({ allowed: false, remaining: 0, retryAfterMs: 1000, resetMs: 1000 })),
  }

  return [
    // the guard
    {
      field: 'mtls',
      on: 'bearer-token',
      values: [{ trust: [root] }, null],
      probes: [{ token: 'unbound' }],
      is: ['ERR_PEER_MISSING', GRANTED],
    },
    {
      field: 'session',
      on: 'sessions',
      values: [null, KEEP],
      probes: [{ ...orders, session: 'garbage' }],
      is: [GRANTED, 'ERR_SESSION_INVALID'],
    },
    { field: 'jwt', values: [null, KEEP], probes: [orders], is: [GRANTED, 'ERR_TOKEN_MISSING'] },
    { field: 'apiKeys', on: 'certificate-and-key', values: [KEEP, null], probes: [orders], is: ['ERR_API_KEY_MISSING', GRANTED] },
    { field: 'authorize', on: 'mtls', values: [[idOf('/orders')], [idOf('/shipping')]], probes: [orders], is: [GRANTED, 'ERR_FORBIDDEN'] },
    { field: 'require', values: ['all', [['mtls']]], probes: [orders], is: ['ERR_TOKEN_MISSING', GRANTED] },
    {
      field: 'routes',
      on: 'mtls',
      values: [undefined, [{ path: '/a', require: 'none' }]],
      probes: [{ target: '/a' }],
      is: ['ERR_PEER_MISSING', GRANTED],
    },
    {
      field: 'authority',
      on: 'mtls',
      values: ['as-server-name', 'any'],
      probes: [{ ...orders, serverName: 'a.example', authority: 'b.example' }],
      is: ['ERR_MISDIRECTED', GRANTED],
    },
    { field: 'limit', on: 'mtls', values: [null, { perCaller: quota }], probes: [orders, orders], is: [GRANTED, 'ERR_QUOTA_EXCEEDED'] },

    // routes
    {
      field: 'routes.0.path',
      on: 'routes',
      values: ['/health', '/other'],
      probes: [{ target: '/health' }],
      is: [GRANTED, 'ERR_PEER_MISSING'],
    },
    {
      field: 'routes.0.methods',
      on: 'routes',
      values: [['GET'], ['POST']],
      probes: [{ target: '/health' }],
      is: [GRANTED, 'ERR_PEER_MISSING'],
    },
    {
      field: 'routes.0.require',
      on: 'routes',
      values: ['none', 'all'],
      probes: [{ target: '/health' }],
      is: [GRANTED, 'ERR_PEER_MISSING'],
    },
    {
      field: 'routes.3.encodedSlashes',
      on: 'routes',
      values: [true, false],
      probes: [{ ...orders, target: '/projects/a%2Fb' }],
      is: [GRANTED, 'ERR_TARGET_NOT_CANONICAL'],
    },

    // certificates
    { field: 'mtls.trust', on: 'mtls', values: [[root], [plain]], probes: [orders], is: [GRANTED, 'ERR_PEER_UNTRUSTED'] },
    {
      field: 'mtls.trust.0.trustDomain',
      on: 'mtls',
      values: ['prod.example', 'other.example'],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_UNTRUSTED'],
    },
    { field: 'mtls.trust.0.pem', on: 'mtls', values: [root.pem, plain.pem], probes: [orders], is: [GRANTED, 'ERR_PEER_UNTRUSTED'] },
    {
      field: 'mtls.trust.0',
      on: 'mtls',
      values: [
        { trustDomain: 'prod.example', file: `${folder}/root.pem` },
        { trustDomain: 'prod.example', file: `${folder}/plain.pem` },
      ],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_UNTRUSTED'],
    },
    {
      field: 'mtls.identifyBy',
      on: 'mtls',
      values: [['spiffe', 'dns'], ['spiffe']],
      probes: [{ certificate: 'dns-only' }],
      is: [GRANTED, 'ERR_PEER_NAME'],
    },
    {
      field: 'mtls.names',
      on: 'mtls',
      values: [null, [idOf('/shipping')]],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_NAME_NOT_PERMITTED'],
    },
    {
      field: 'mtls.pins',
      on: 'mtls',
      values: [
        [pinOf(certificates.root.certificateDer), pinOf(certificates.plainRoot.certificateDer)],
        [pinOf(certificates.plainRoot.certificateDer), 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
      ],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_PIN_MISMATCH'],
    },
    {
      field: 'mtls.minimum.rsaBits',
      on: 'mtls',
      values: [2048, 3072],
      probes: [{ certificate: 'orders-rsa' }],
      is: [GRANTED, 'ERR_PEER_WEAK_KEY'],
    },
    { field: 'mtls.minimum.hash', on: 'mtls', values: ['sha256', 'sha384'], probes: [orders], is: [GRANTED, 'ERR_PEER_WEAK_SIGNATURE'] },
    {
      field: 'mtls.minimum',
      on: 'mtls',
      values: [{ rsaBits: 2048 }, { rsaBits: 4096 }],
      probes: [{ certificate: 'orders-rsa' }],
      is: [GRANTED, 'ERR_PEER_WEAK_KEY'],
    },
    {
      field: 'mtls.clockSkewSeconds',
      on: 'mtls',
      values: [300, 0],
      probes: [{ certificate: 'orders-just-expired' }],
      is: [GRANTED, 'ERR_PEER_EXPIRED'],
    },
    {
      field: 'mtls.intermediates',
      on: 'mtls',
      values: [{ pem: certificates.intermediate.certificatePem }, null],
      probes: [{ certificate: 'missing-intermediate' }],
      is: [GRANTED, 'ERR_PEER_UNTRUSTED'],
    },
    { field: 'mtls.denyList', on: 'mtls', values: [null, revoked(true)], probes: [orders], is: [GRANTED, 'ERR_PEER_REVOKED'] },
    {
      field: 'mtls.revocation',
      on: 'mtls',
      values: [null, { crl: { files: [crlFile] } }],
      probes: [{ certificate: 'revoked' }],
      is: [GRANTED, 'ERR_PEER_REVOKED'],
    },
    {
      field: 'mtls.revocation.crl',
      on: 'revocation-list',
      values: [{ files: [crlFile] }, { files: [oldCrlFile] }],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_REVOCATION_UNKNOWN'],
    },
    {
      field: 'mtls.revocation.crl.files',
      on: 'revocation-list',
      values: [[crlFile], [intermediateCrlFile]],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_REVOCATION_UNKNOWN'],
    },
    {
      field: 'mtls.revocation.scope',
      on: 'revocation-of-intermediate',
      values: ['leaf', 'chain'],
      probes: [{ certificate: 'orders-below-intermediate' }],
      is: [GRANTED, 'ERR_PEER_REVOCATION_UNKNOWN'],
    },
    {
      field: 'mtls.revocation.whenUnavailable',
      on: 'revocation-list-outdated',
      values: [{ staleSeconds: 86_400 }, 'refuse'],
      probes: [orders],
      is: [GRANTED, 'ERR_PEER_REVOCATION_UNKNOWN'],
    },

    // proxies
    { field: 'forwarded', on: 'behind-nginx', values: [KEEP, null], probes: [nginx], is: [GRANTED, 'ERR_FORBIDDEN'] },
    { field: 'forwarded.format', on: 'behind-nginx', values: ['nginx', 'rfc9440'], probes: [nginx], is: [GRANTED, 'ERR_PEER_MISSING'] },
    {
      field: 'forwarded.from',
      on: 'behind-nginx',
      values: [{ peer: idOf('/ingress') }, { unixSocket: true }],
      probes: [nginx],
      is: [GRANTED, 'ERR_FORBIDDEN'],
    },
    {
      field: 'forwarded.from.peer',
      on: 'behind-nginx',
      values: [[idOf('/ingress')], idOf('/stranger')],
      probes: [nginx],
      is: [GRANTED, 'ERR_FORBIDDEN'],
    },
    {
      field: 'forwarded.fields',
      on: 'behind-nginx',
      values: [{ verify: 'X-SSL-Client-Verify' }, { verify: 'x-other' }],
      probes: [nginx],
      is: [GRANTED, 'ERR_FORWARDED_UNVERIFIED'],
    },
    {
      field: 'forwarded.hops',
      on: 'behind-two-envoys',
      values: [1, 2],
      probes: [{ certificate: 'ingress', forwarded: 'XFCC of one hop' }],
      is: [GRANTED, 'ERR_FORWARDED_HOPS'],
    },
    {
      field: 'forwarded.subjects',
      on: 'behind-two-envoys',
      values: [[{ trustDomain: 'prod.example' }], [idOf('/shipping')]],
      probes: [{ certificate: 'ingress', forwarded: 'XFCC without a certificate' }],
      is: [GRANTED, 'ERR_PEER_NAME_NOT_PERMITTED'],
    },
    { field: 'forwarded.trust', on: 'behind-nginx', values: [[root], [plain]], probes: [nginx], is: [GRANTED, 'ERR_PEER_UNTRUSTED'] },

    // tokens
    { field: 'jwt.issuer', values: [KEEP, 'https://other.example'], probes: [both], is: [GRANTED, 'ERR_TOKEN_ISSUER'] },
    { field: 'jwt.audience', values: [null, 'other'], probes: [both], is: [GRANTED, 'ERR_TOKEN_AUDIENCE'] },
    { field: 'jwt.keys', values: [KEEP, { jwks: tokens.strangersJwks }], probes: [both], is: [GRANTED, 'ERR_TOKEN_KEY_UNKNOWN'] },
    { field: 'jwt.keys.jwks', values: [tokens.jwks, tokens.strangersJwks], probes: [both], is: [GRANTED, 'ERR_TOKEN_KEY_UNKNOWN'] },
    {
      field: 'jwt.keys.file',
      on: 'keys-in-a-file',
      values: [`${folder}/jwks.json`, `${folder}/other.json`],
      probes: [both],
      is: [GRANTED, 'ERR_TOKEN_KEY_UNKNOWN'],
    },
    {
      field: 'jwt.keys.jwksUri',
      on: 'keys-fetched',
      values: ['https://issuer.example/jwks', 'https://issuer.example/other'],
      probes: [both],
      is: [GRANTED, 'ERR_KEYS_UNAVAILABLE'],
    },
    {
      field: 'jwt.keys.discover',
      on: 'keys-discovered',
      values: [true, 'openid-configuration'],
      probes: [both],
      is: [GRANTED, 'ERR_KEYS_UNAVAILABLE'],
    },
    { field: 'jwt.algorithms', values: [['ES256'], ['RS256']], probes: [both], is: [GRANTED, 'ERR_TOKEN_ALGORITHM'] },
    { field: 'jwt.type', values: ['JWT', 'at+jwt'], probes: [{ ...orders, token: 'wrong-type' }], is: [GRANTED, 'ERR_TOKEN_TYPE'] },
    { field: 'jwt.requiredClaims', values: [['client_id'], ['tenant']], probes: [both], is: [GRANTED, 'ERR_TOKEN_CLAIM_MISSING'] },
    { field: 'jwt.subjects', values: [[{ trustDomain: 'prod.example' }], ['alice']], probes: [both], is: [GRANTED, 'ERR_TOKEN_SUBJECT'] },
    { field: 'jwt.binding', values: ['if-bound', 'mtls'], probes: [{ ...orders, token: 'unbound' }], is: [GRANTED, 'ERR_TOKEN_UNBOUND'] },
    {
      field: 'jwt.dpop',
      on: 'bearer-or-dpop',
      values: [{ origins: ORIGIN }, null],
      probes: [{ proof: 'good' }],
      is: [GRANTED, 'ERR_TOKEN_SCHEME'],
    },
    {
      field: 'jwt.dpop.origins',
      on: 'dpop',
      values: [[ORIGIN, 'https://other.example'], 'https://other.example'],
      probes: [{ proof: 'good' }],
      is: [GRANTED, 'ERR_PROOF_TARGET'],
    },
    {
      field: 'jwt.dpop.replay',
      on: 'dpop',
      values: [{ claim: () => 'first' }, { claim: () => 'again' }],
      probes: [{ proof: 'good' }],
      is: [GRANTED, 'ERR_PROOF_REPLAYED'],
    },
    { field: 'jwt.dpop.maxAgeSeconds', on: 'dpop', values: [61, 60], probes: [{ proof: 'too old' }], is: [GRANTED, 'ERR_PROOF_EXPIRED'] },
    {
      field: 'jwt.dpop.futureSeconds',
      on: 'dpop',
      values: [6, 5],
      probes: [{ proof: 'of the future' }],
      is: [GRANTED, 'ERR_PROOF_ISSUED_IN_FUTURE'],
    },
    {
      field: 'jwt.dpop.algorithms',
      on: 'dpop',
      values: [['ES256'], ['Ed25519']],
      probes: [{ proof: 'good' }],
      is: [GRANTED, 'ERR_PROOF_ALGORITHM'],
    },
    { field: 'jwt.dpop.nonce', on: 'dpop', values: [null, {}], probes: [{ proof: 'good' }], is: [GRANTED, 'ERR_PROOF_NONCE'] },
    {
      field: 'jwt.proof',
      on: 'workloads',
      values: [{ origins: ORIGIN }, { origins: 'https://other.example' }],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_PROOF_TARGET'],
    },
    {
      field: 'jwt.proof.origins',
      on: 'workloads',
      values: [ORIGIN, 'https://other.example'],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_PROOF_TARGET'],
    },
    {
      field: 'jwt.proof.audiences',
      on: 'workloads',
      values: [[`${ORIGIN}/other`], ['urn:other']],
      probes: [{ proof: 'workload proof for another path' }],
      is: [GRANTED, 'ERR_PROOF_TARGET'],
    },
    {
      field: 'jwt.proof.replay',
      on: 'workloads',
      values: [{ claim: () => 'first' }, { claim: () => 'full' }],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_REPLAY_UNAVAILABLE'],
    },
    {
      field: 'jwt.proof.maxLifetimeSeconds',
      on: 'workloads',
      values: [60, 29],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_PROOF_CLAIM'],
    },
    {
      field: 'jwt.proof.algorithms',
      on: 'workloads',
      values: [['ES256'], ['RS256']],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_TOKEN_CLAIM_INVALID'],
    },
    {
      field: 'jwt.proof.contextFields',
      on: 'workloads',
      values: [['X-Other'], ['Workload-Identity-Token']],
      probes: [{ proof: 'workload' }],
      is: [GRANTED, 'ERR_PROOF_TOKEN'],
    },
    { field: 'jwt.revocation', values: [null, { list: revoked(true) }], probes: [both], is: [GRANTED, 'ERR_TOKEN_REVOKED'] },
    {
      field: 'jwt.revocation.list',
      on: 'tokens-revocable',
      values: [revoked(false), revoked(true)],
      probes: [both],
      is: [GRANTED, 'ERR_TOKEN_REVOKED'],
    },
    {
      field: 'jwt.revocation.whenUnavailable',
      on: 'tokens-revocation-outdated',
      values: [{ staleSeconds: 120 }, 'refuse'],
      probes: [both],
      is: [GRANTED, 'ERR_TOKEN_REVOCATION_UNKNOWN'],
    },
    { field: 'jwt.maxBytes', values: [8192, 256], probes: [both], is: [GRANTED, 'ERR_TOKEN_TOO_LARGE'] },
    { field: 'jwt.clockSkewSeconds', values: [30, 0], probes: [{ ...orders, token: 'in-its-skew' }], is: [GRANTED, 'ERR_TOKEN_EXPIRED'] },
    {
      field: 'jwt.maxAgeSeconds',
      values: [undefined, 60],
      probes: [{ ...orders, token: 'an-hour-old' }],
      is: [GRANTED, 'ERR_TOKEN_EXPIRED'],
    },

    // rules
    {
      field: 'authorize.0',
      on: 'one-rule',
      values: [rule, { ...rule, paths: '/other' }],
      probes: [orders],
      is: [GRANTED, 'ERR_FORBIDDEN'],
    },
    {
      field: 'authorize.0.callers',
      on: 'one-rule',
      values: [idOf('/orders'), idOf('/shipping')],
      probes: [orders],
      is: [GRANTED, 'ERR_FORBIDDEN'],
    },
    { field: 'authorize.0.methods', on: 'one-rule', values: ['GET', 'POST'], probes: [orders], is: [GRANTED, 'ERR_FORBIDDEN'] },
    { field: 'authorize.0.paths', on: 'one-rule', values: ['/', '/other'], probes: [orders], is: [GRANTED, 'ERR_FORBIDDEN'] },
    { field: 'authorize.0.scopes', on: 'one-rule', values: [undefined, ['read']], probes: [both], is: [GRANTED, 'ERR_SCOPE_INSUFFICIENT'] },
    { field: 'authorize.0.claims', on: 'one-rule', values: [undefined, { tier: 'gold' }], probes: [both], is: [GRANTED, 'ERR_FORBIDDEN'] },
    { field: 'authorize.1.deny', on: 'two-rules', values: [undefined, true], probes: [orders], is: [GRANTED, 'ERR_FORBIDDEN'] },

    // quotas
    { field: 'limit.perCaller', on: 'quota', values: [null, quota], probes: [orders, orders], is: [GRANTED, 'ERR_QUOTA_EXCEEDED'] },
    { field: 'limit.perCaller.quota', on: 'quota', values: [2, 1], probes: [orders, orders], is: [GRANTED, 'ERR_QUOTA_EXCEEDED'] },
    {
      field: 'limit.perCaller.windowSeconds',
      on: 'quota',
      values: [2, 60],
      probes: [orders, orders, { ...orders, afterSeconds: 2 }],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    { field: 'limit.perCaller.burst', on: 'quota', values: [3, 1], probes: [orders, orders], is: [GRANTED, 'ERR_QUOTA_EXCEEDED'] },
    {
      field: 'limit.perAddress',
      on: 'few-attempts',
      values: [null, quota],
      probes: [{}, { certificate: 'self-signed' }, { certificate: 'self-signed' }],
      is: ['ERR_PEER_SELF_SIGNED', 'ERR_ATTEMPTS_EXCEEDED'],
    },
    {
      field: 'limit.policies',
      on: 'quota-by-name',
      values: [undefined, [policy]],
      probes: [orders, orders],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    { field: 'limit.store', on: 'quota', values: [undefined, denying], probes: [orders], is: [GRANTED, 'ERR_QUOTA_EXCEEDED'] },
    {
      field: 'limit.whenUnavailable',
      on: 'quota-store-down',
      values: ['limit-locally', 'refuse'],
      probes: [orders],
      is: [GRANTED, 'ERR_LIMITER_UNAVAILABLE'],
    },
    {
      field: 'limit.policies.0.partitionBy',
      on: 'quota-by-name',
      values: ['caller', 'everyone'],
      probes: [
        { ...orders, method: 'POST' },
        { certificate: 'shipping', method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.cost',
      on: 'quota-by-name',
      values: [() => 0, () => 1],
      probes: [
        { ...orders, method: 'POST' },
        { ...orders, method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.only',
      on: 'quota-by-name',
      values: [{ methods: 'POST' }, { methods: 'GET' }],
      probes: [orders, orders],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.only.methods',
      on: 'quota-by-name',
      values: ['POST', 'GET'],
      probes: [orders, orders],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.only.paths',
      on: 'quota-by-name',
      values: ['/other', '/'],
      probes: [
        { ...orders, method: 'POST' },
        { ...orders, method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.only.callers',
      on: 'quota-by-name',
      values: [idOf('/shipping'), idOf('/orders')],
      probes: [
        { ...orders, method: 'POST' },
        { ...orders, method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.quota',
      on: 'quota-by-name',
      values: [5, 1],
      probes: [
        { ...orders, method: 'POST' },
        { ...orders, method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.burst',
      on: 'quota-by-name',
      values: [5, 1],
      probes: [
        { ...orders, method: 'POST' },
        { ...orders, method: 'POST' },
      ],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
    {
      field: 'limit.policies.0.windowSeconds',
      on: 'quota-by-name',
      values: [1, 60],
      probes: [post, { ...post, afterSeconds: 2 }],
      is: [GRANTED, 'ERR_QUOTA_EXCEEDED'],
    },
  ]
}

function pinOf(der: Uint8Array): string {
  const spki = new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64')
}
