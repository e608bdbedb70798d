import { idOf } from './certificates.js'
import { CHAIN_LOST, type Denied, type Expected, type Granted, type Row, UNENCRYPTED } from './row.js'

const ORDERS: Granted = { id: idOf('/orders'), evidence: ['mtls'] }

/** Who the client's certificate says it is. Without TLS there is none to look at. */
export const PEER_ROWS: readonly Row[] = [
  // accepted
  ...rows('accepts', ORDERS, {
    orders: 'a certificate of a trusted authority',
    'orders-rsa': 'a certificate with an RSA key of 2048 bits',
    'orders-ed25519': 'a certificate with an Ed25519 key',
    'orders-in-last-second': 'a certificate in the last second of its life',
  }),
  {
    ...row(
      'intermediate-sent',
      'accepts a certificate below an intermediate that the client sends',
      ['D5'],
      'mtls',
      'orders-below-intermediate',
      ORDERS,
    ),
    notApplicable: [CHAIN_LOST],
  },
  row(
    'intermediate-configured',
    'accepts a certificate below an intermediate that only the options have',
    ['D5'],
    'intermediates-configured',
    'missing-intermediate',
    ORDERS,
  ),
  ...rows('accepts', { id: 'partner.example', evidence: ['mtls'] }, { 'dns-only': 'a caller of plain PKI by its DNS name' }),
  row('cn-named-accepted', 'takes the CN for a name where the options name it', ['D17'], 'cn-named', 'name-in-cn-only', {
    id: 'orders',
    evidence: ['mtls'],
  }),

  // nothing presented
  {
    ...row('no-certificate', 'refuses a client without a certificate', ['D1', 'D2'], 'mtls', 'orders', {
      code: 'ERR_PEER_MISSING',
      status: 403,
    }),
    given: { preset: 'mtls' },
  },
  {
    ...row(
      'server-asks-for-none',
      'says in the log that the server never asked for a certificate, and tells nobody',
      ['D1', 'E31'],
      'mtls',
      'orders',
      {
        code: 'ERR_SERVER_WITHOUT_REQUEST_CERT',
        sent: 'ERR_UNAVAILABLE',
        status: 503,
      },
    ),
    given: { preset: 'mtls', certificate: 'orders', service: 'asks for no certificate' },
    notApplicable: [
      {
        transports: ['secure-https', 'secure-http2', 'http1-on-http2'],
        reason: 'a secure server always asks where its guard wants certificates',
      },
    ],
  },

  // the chain
  refused('self-signed', 'a certificate that vouches for itself', { code: 'ERR_PEER_SELF_SIGNED', status: 403 }),
  refused('unknown-ca', 'a certificate of an unknown authority', { code: 'ERR_PEER_UNTRUSTED', status: 403 }),
  refused('ca-of-the-same-name', 'a certificate of an authority that only has the name of a trusted one', {
    code: 'ERR_PEER_UNTRUSTED',
    status: 403,
  }),
  refused('missing-intermediate', 'a certificate whose intermediate did not come along', { code: 'ERR_PEER_UNTRUSTED', status: 403 }),
  refused('foreign-trust-domain', 'a SPIFFE ID of a trust domain that its authority has no say in', {
    code: 'ERR_PEER_UNTRUSTED',
    status: 403,
  }),
  refused('path-length-exceeded', 'a certificate below more authorities than one of them allows', {
    code: 'ERR_PEER_CHAIN_INVALID',
    status: 403,
  }),
  refused('issued-by-a-leaf', 'a certificate issued by something that is no authority', { code: 'ERR_PEER_CHAIN_INVALID', status: 403 }),
  refused('name-constraints-broken', 'a name that the constraints of its authority exclude', {
    code: 'ERR_PEER_CHAIN_INVALID',
    status: 403,
  }),
  {
    ...refused('ten-intermediates', 'a chain that is longer than any real one', {
      code: 'ERR_PEER_TOO_COMPLEX',
      sent: 'ERR_PEER_CHAIN_INVALID',
      status: 403,
    }),
    notApplicable: [CHAIN_LOST],
  },
  refused('expired-intermediate', 'a certificate below an authority that has expired', { code: 'ERR_PEER_EXPIRED', status: 403 }),

  // the leaf
  refused('expired', 'an expired certificate', { code: 'ERR_PEER_EXPIRED', status: 403 }),
  refused('not-yet-valid', 'a certificate of the future', { code: 'ERR_PEER_NOT_YET_VALID', status: 403 }),
  refused('for-servers', 'a certificate for servers alone', { code: 'ERR_PEER_PURPOSE', status: 403 }),
  refused('for-any-purpose', 'a certificate for any purpose, which does not name this one', { code: 'ERR_PEER_PURPOSE', status: 403 }),
  refused('key-for-agreement', 'a key that may not sign', { code: 'ERR_PEER_PURPOSE', status: 403 }),
  refused('ca-as-leaf', 'an authority that comes as a client', { code: 'ERR_PEER_IS_CA', status: 403 }),
  refused('rsa-1024', 'an RSA key of 1024 bits', { code: 'ERR_PEER_WEAK_KEY', status: 403 }),
  refused('signed-with-sha1', 'a certificate signed over SHA-1', { code: 'ERR_PEER_WEAK_SIGNATURE', status: 403 }),
  refused('name-in-cn-only', 'a certificate with nothing but a CN for a name', { code: 'ERR_PEER_NAME', status: 403 }),
  refused('two-spiffe-ids', 'a certificate with two SPIFFE IDs', { code: 'ERR_PEER_NAME', status: 403 }),
  refused('spiffe-id-not-canonical', 'a certificate with a SPIFFE ID that is none', { code: 'ERR_PEER_NAME', status: 403 }),
  refused('nul-in-dns-name', 'a DNS name with a NUL in it', { code: 'ERR_PEER_UNREADABLE', status: 403 }),
  {
    ...refused('san-of-rubbish', 'a certificate that cannot be read', { code: 'ERR_PEER_UNREADABLE', status: 403 }),
    notApplicable: [
      {
        transports: ['http2', 'secure-http2'],
        reason: 'Node ends an HTTP/2 session whose certificate OpenSSL cannot parse, before or after its first request',
      },
    ],
  },

  // what the options add
  row('name-not-listed', 'refuses a name that is not among those listed', ['D2', 'D17'], 'names-listed', 'shipping', {
    code: 'ERR_PEER_NAME_NOT_PERMITTED',
    status: 403,
  }),
  row('name-listed', 'accepts a name that is among those listed', ['D17'], 'names-listed', 'orders', ORDERS),
  row('no-pinned-key', 'refuses a chain without a pinned key, and does not tell that there are pins', ['D2'], 'pinned', 'orders', {
    code: 'ERR_PEER_PIN_MISMATCH',
    sent: 'ERR_PEER_UNTRUSTED',
    status: 403,
  }),
  row('revoked', 'refuses a revoked certificate', ['D2'], 'revocation-list', 'revoked', { code: 'ERR_PEER_REVOKED', status: 403 }),
  row('not-revoked', 'accepts a certificate that a fresh revocation list does not hold', ['D2'], 'revocation-list', 'orders', ORDERS),
  row('revocation-unknown', 'refuses everybody while the revocation list is out of date', ['D2'], 'revocation-list-outdated', 'orders', {
    code: 'ERR_PEER_REVOCATION_UNKNOWN',
    sent: 'ERR_UNAVAILABLE',
    status: 503,
  }),
  {
    ...row(
      'expires-on-open-connection',
      'refuses the next request of an open connection once the certificate has expired',
      ['D2'],
      'mtls',
      'orders',
      {
        code: 'ERR_PEER_EXPIRED',
        status: 403,
      },
    ),
    given: { preset: 'mtls-over-time', certificate: 'orders', before: 1, keepsConnection: true, thenSeconds: 2 * 86_400 },
    notApplicable: [{ transports: ['http2', 'secure-http2'], reason: 'the raw client of this table sends one stream a session' }],
  },

  // who may call
  row('stranger', 'refuses a caller that no entry allows', ['D17'], 'mtls', 'stranger', { code: 'ERR_FORBIDDEN', status: 403 }),
  row('name-below-allowed', 'refuses a SPIFFE ID below one that is allowed', ['D17'], 'mtls', 'orders-evil', {
    code: 'ERR_FORBIDDEN',
    status: 403,
  }),
  row('name-in-other-case', 'refuses a SPIFFE ID in other letters', ['D17'], 'mtls', 'orders-upper-case', {
    code: 'ERR_FORBIDDEN',
    status: 403,
  }),
  row('dns-in-other-case', 'knows a DNS name in other letters', ['D17'], 'mtls', 'dns-upper-case', {
    id: 'partner.example',
    evidence: ['mtls'],
  }),
  row('commas-in-cn', 'is not misled by commas and names inside of a CN', ['D5', 'D17'], 'mtls', 'cn-with-commas', {
    code: 'ERR_FORBIDDEN',
    status: 403,
  }),
  row('spiffe-id-of-plain-root', 'does not believe a SPIFFE ID of an authority of plain PKI', ['D17'], 'mtls', 'spiffe-id-of-plain-root', {
    code: 'ERR_PEER_UNTRUSTED',
    status: 403,
  }),
]

function rows(verb: string, expected: Expected, kinds: Partial<Record<Row['given']['certificate'] & string, string>>): Row[] {
  return Object.entries(kinds).map(([kind, words]) =>
    row(`${kind}`, `${verb} ${words}`, ['D5'], 'mtls', kind as keyof typeof kinds, expected),
  )
}

function refused(kind: Row['given']['certificate'] & string, words: string, denied: Denied): Row {
  return row(kind, `refuses ${words}`, ['D2'], 'mtls', kind, denied)
}

function row(
  id: string,
  claim: string,
  requirements: readonly string[],
  preset: Row['given']['preset'],
  certificate: Row['given']['certificate'] & string,
  expected: Expected,
): Row {
  return { id: `peer/${id}`, claim, requirements, given: { preset, certificate }, expected, clear: UNENCRYPTED }
}
