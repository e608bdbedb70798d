import { idOf } from './certificates.js'
import { type Given, type Granted, KOA2_HEAD, ONLY_HTTP1, type Row, UNENCRYPTED } from './row.js'

const ORDERS: Granted = { id: idOf('/orders'), evidence: ['mtls'] }
const QUOTA_TYPE = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/** Quotas, failing parts, and how answers are given. */
export const SERVICE_ROWS: readonly Row[] = [
  // quotas: each row has a caller of its own, so that none uses up another's
  row(
    'quota-left',
    'says what is left of a quota',
    ['X2'],
    { preset: 'quota', certificate: 'orders' },
    {
      ...ORDERS,
      headers: { RateLimit: '"caller";r=1;t=30', 'RateLimit-Policy': '"caller";q=2;w=60' },
    },
  ),
  row(
    'quota-exceeded',
    'refuses what is above the quota, and says when to come again',
    ['X2'],
    { preset: 'quota', certificate: 'shipping', before: 2 },
    {
      code: 'ERR_QUOTA_EXCEEDED',
      status: 429,
      type: QUOTA_TYPE,
      members: ',"violated-policies":["caller"]',
      headers: { RateLimit: '"caller";r=0;t=30', 'RateLimit-Policy': '"caller";q=2;w=60', 'Retry-After': '30' },
    },
  ),
  row(
    'quota-again',
    'lets the caller go on once its time has come',
    ['X2'],
    { preset: 'quota', certificate: 'dns-only', before: 2, thenSeconds: 30 },
    {
      id: 'partner.example',
      evidence: ['mtls'],
      headers: { RateLimit: '"caller";r=0;t=60', 'Retry-After': null },
    },
  ),
  row(
    'quota-by-name',
    'names the quota that is used up',
    ['X2'],
    { preset: 'quota-by-name', certificate: 'orders', method: 'POST', before: 1 },
    {
      code: 'ERR_QUOTA_EXCEEDED',
      status: 429,
      type: QUOTA_TYPE,
      members: ',"violated-policies":["writes"]',
      headers: { RateLimit: '"writes";r=0;t=10', 'Retry-After': '10' },
    },
  ),
  row(
    'quota-of-others',
    'counts only what a quota is for',
    ['X2'],
    { preset: 'quota-by-name', certificate: 'shipping', method: 'GET', before: 3 },
    {
      id: idOf('/shipping'),
      evidence: ['mtls'],
      headers: { RateLimit: null, 'RateLimit-Policy': null },
    },
  ),
  row(
    'quota-for-forbidden',
    'charges a caller for what it may not do',
    ['X2'],
    { preset: 'quota', certificate: 'stranger', before: 2 },
    {
      code: 'ERR_QUOTA_EXCEEDED',
      status: 429,
      type: QUOTA_TYPE,
      members: ',"violated-policies":["caller"]',
      headers: { RateLimit: '"caller";r=0;t=30', 'Retry-After': '30' },
    },
  ),
  {
    ...row(
      'attempts-exceeded',
      'looks at no more evidence of an address that failed too often',
      ['X2'],
      { preset: 'few-attempts', certificate: 'self-signed', before: 2 },
      {
        code: 'ERR_ATTEMPTS_EXCEEDED',
        status: 429,
        headers: { 'Retry-After': '30' },
      },
    ),
  },

  // parts that fail
  row(
    'quota-store-down',
    'refuses where the quota store is down and the options say so',
    ['X2'],
    { preset: 'quota-store-down', certificate: 'orders' },
    {
      code: 'ERR_LIMITER_UNAVAILABLE',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    },
  ),
  row(
    'authorizer-throws',
    'refuses where an authorizer throws, and tells nothing of it',
    ['X2'],
    { preset: 'authorizer-that-throws', certificate: 'orders' },
    {
      code: 'ERR_GUARD_FAULT',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    },
  ),
  row(
    'audit-log-full',
    'refuses what cannot be written down where the options say so',
    ['X2'],
    { preset: 'audit-log-full', certificate: 'orders' },
    {
      code: 'ERR_AUDIT_UNAVAILABLE',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    },
  ),
  {
    ...row(
      'guard-closed',
      'refuses everybody once the guard is closed',
      ['X2'],
      { preset: 'guard-closed', certificate: 'orders' },
      { code: 'ERR_GUARD_CLOSED', sent: 'ERR_UNAVAILABLE', status: 503 },
    ),
    clear: 'the same',
  },
  {
    ...row(
      'behind-body-parser',
      'refuses to stand behind a body parser',
      ['D11', 'E31'],
      {
        preset: 'mtls',
        certificate: 'orders',
        service: 'reads the body first',
        method: 'POST',
        fields: [
          ['Content-Type', 'application/json'],
          ['Content-Length', '2'],
        ],
      },
      {
        code: 'ERR_GUARD_BEHIND_BODY_PARSER',
        sent: 'ERR_UNAVAILABLE',
        status: 503,
      },
    ),
    clear: 'the same',
    notApplicable: [
      { adapters: ['fastify'], reason: 'the plugin decides in onRequest, and Fastify reads no body before that' },
      {
        transports: ['secure-https', 'secure-http2', 'http1-on-http2'],
        reason: 'a secure server decides before any middleware can read a body',
      },
      { transports: ['http2'], reason: 'the raw client of this table sends no bodies over HTTP/2' },
    ],
  },

  // how it is said
  row(
    'details',
    'tells the facts of a refusal where the options say so',
    ['D24'],
    { preset: 'details-exposed', certificate: 'for-servers' },
    {
      code: 'ERR_PEER_PURPOSE',
      status: 403,
      members: ',"detail":"extendedKeyUsage: 1.3.6.1.5.5.7.3.1"',
    },
  ),
  {
    ...row(
      'own-problem-type',
      'points to the pages that the options name',
      ['D24'],
      { preset: 'own-problem-type', certificate: 'self-signed' },
      {
        code: 'ERR_PEER_SELF_SIGNED',
        status: 403,
        type: 'https://errors.prod.example/ERR_PEER_SELF_SIGNED',
      },
    ),
    clear: { ...UNENCRYPTED, type: 'https://errors.prod.example/ERR_PEER_UNENCRYPTED' },
  },
  {
    ...row(
      'closes',
      'closes the connection after a denial where the options say so',
      ['D24'],
      { preset: 'closed-on-denial', certificate: 'self-signed' },
      {
        code: 'ERR_PEER_SELF_SIGNED',
        status: 403,
        headers: { Connection: 'close' },
      },
    ),
    clear: { ...UNENCRYPTED, headers: { Connection: 'close' } },
    notApplicable: [{ ...ONLY_HTTP1, reason: 'HTTP/2 has no Connection field; the session is ended by GOAWAY' }],
  },
  {
    ...row(
      'keeps',
      'keeps the connection after a denial otherwise',
      ['D24'],
      { preset: 'mtls', certificate: 'self-signed', before: 1, keepsConnection: true },
      {
        code: 'ERR_PEER_SELF_SIGNED',
        status: 403,
      },
    ),
    notApplicable: [{ transports: ['http2', 'secure-http2'], reason: 'the raw client of this table sends one stream a session' }],
  },
  {
    ...row(
      'head',
      'refuses HEAD with the same fields and without a body',
      ['D24'],
      { preset: 'mtls', certificate: 'self-signed', method: 'HEAD' },
      { code: 'ERR_PEER_SELF_SIGNED', status: 403 },
    ),
    notApplicable: [KOA2_HEAD],
  },
  ...['X-Forwarded-Client-Cert', 'X-SSL-Client-Verify', 'Client-Cert', 'X-Client-Cert'].map((name) =>
    row(
      `forged ${name}`,
      `does not believe ${name}`,
      ['D5'],
      { preset: 'mtls', fields: [[name, `URI=${idOf('/orders')};Subject="CN=orders"`]] },
      { code: 'ERR_PEER_MISSING', status: 403 },
    ),
  ),
  {
    ...row(
      'expectation',
      'refuses before the body is asked for',
      ['D11'],
      {
        preset: 'mtls',
        certificate: 'self-signed',
        method: 'POST',
        fields: [
          ['Expect', '100-continue'],
          ['Content-Length', '5'],
        ],
      },
      {
        code: 'ERR_PEER_SELF_SIGNED',
        status: 403,
      },
    ),
    notApplicable: [{ ...ONLY_HTTP1, reason: 'the raw client of this table sends no bodies over HTTP/2' }],
  },
]

function row(id: string, claim: string, requirements: readonly string[], given: Given, expected: Row['expected']): Row {
  return { id: `service/${id}`, claim, requirements, given, expected, clear: UNENCRYPTED }
}
