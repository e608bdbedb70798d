import type { CertificateKind } from './certificates.js'
import { idOf } from './certificates.js'
import type { ForwardedKind } from './forwarded.js'
import type { PresetName } from './presets.js'
import { type Denied, type Granted, type Row, UNENCRYPTED } from './row.js'

const ORDERS: Granted = { id: idOf('/orders'), evidence: ['mtls'], peer: { certificate: 'orders', provenance: 'proxy-verified' } }

/**
 * Who a proxy says that the client is. The proxy is known by its own certificate, so without TLS there is none, and what it would write
 * is nobody's word.
 */
export const FORWARDED_ROWS: readonly Row[] = [
  // from the proxy
  row('accepted', 'takes the certificate that the proxy hands on for that of the caller', 'nginx orders', ORDERS),
  row('stranger', 'refuses a caller behind the proxy that no entry allows', 'nginx stranger', { code: 'ERR_FORBIDDEN', status: 403 }),
  row('expired', 'refuses an expired certificate, whatever the proxy says of it', 'nginx expired', {
    code: 'ERR_PEER_EXPIRED',
    status: 403,
  }),
  row('unknown-ca', 'refuses a certificate of an unknown authority, whatever the proxy says of it', 'nginx unknown CA', {
    code: 'ERR_PEER_UNTRUSTED',
    status: 403,
  }),
  row('none', 'knows nobody where the proxy says that there is no certificate', 'nginx none', { code: 'ERR_PEER_MISSING', status: 403 }),
  {
    ...row('no-field', 'never takes the certificate of the proxy for that of a caller', 'nginx none', {
      code: 'ERR_PEER_MISSING',
      status: 403,
    }),
    given: { preset: 'behind-nginx', certificate: 'ingress' },
  },
  row('not-verified', 'refuses a certificate that the proxy did not verify', 'nginx failed', {
    code: 'ERR_FORWARDED_UNVERIFIED',
    status: 403,
  }),
  row('malformed', 'refuses what is no certificate, and does not fall back to that of the proxy', 'nginx rubbish', {
    code: 'ERR_FORWARDED_MALFORMED',
    status: 403,
  }),
  row('repeated', 'refuses a field that stands twice', 'nginx twice', { code: 'ERR_FORWARDED_AMBIGUOUS', status: 400 }),
  row('other-spelling', 'refuses a field that stands in a second spelling too', 'nginx in another spelling', {
    code: 'ERR_FORWARDED_AMBIGUOUS',
    status: 400,
  }),
  row('field-of-another-proxy', 'ignores a field that this proxy does not write', 'nginx and XFCC of the client', {
    ...ORDERS,
    removed: ['x-forwarded-client-cert'],
  }),
  row(
    'hops',
    'reads the element of the first trusted proxy, from the right',
    'XFCC of two hops',
    { ...ORDERS, peer: { certificate: 'orders', provenance: 'proxy-passed-through' } },
    'behind-two-envoys',
  ),
  row(
    'too-few-hops',
    'refuses a certificate that passed fewer proxies than it should',
    'XFCC of one hop',
    { code: 'ERR_FORWARDED_HOPS', status: 403 },
    'behind-two-envoys',
  ),
  row(
    'hash-of-another',
    'refuses a certificate that is not the one whose hash stands beside it',
    'XFCC with the hash of another',
    { code: 'ERR_FORWARDED_MISMATCH', status: 403 },
    'behind-two-envoys',
  ),
  row(
    'identity-only',
    'refuses a name without a certificate, unless the options list it',
    'XFCC without a certificate',
    { code: 'ERR_FORWARDED_UNVERIFIED', status: 403 },
    'behind-two-envoys',
  ),
  row(
    'too-many',
    'refuses more certificates than it would read',
    'too many certificates',
    { code: 'ERR_FORWARDED_TOO_LARGE', status: 431 },
    'behind-rfc9440',
  ),
  row(
    'asserted',
    'takes the word of a proxy that is listed to name its callers',
    'Linkerd identity',
    {
      id: 'orders.shop.serviceaccount.identity.linkerd.cluster.local',
      evidence: ['mtls'],
      peer: { certificate: null, provenance: 'proxy-asserted' },
    },
    'behind-linkerd',
  ),

  // from somebody else
  {
    ...row('from-a-stranger', 'ignores the field of a caller that is no proxy, and takes it away', 'nginx orders', {
      id: idOf('/shipping'),
      evidence: ['mtls'],
      removed: ['x-ssl-client-cert', 'x-ssl-client-verify'],
    }),
    given: { preset: 'behind-nginx', certificate: 'shipping', forwarded: 'nginx orders' },
  },
  {
    ...row('from-nobody', 'ignores the field of a caller without a certificate', 'nginx orders', {
      code: 'ERR_PEER_MISSING',
      status: 403,
    }),
    given: { preset: 'behind-nginx', forwarded: 'nginx orders' },
  },
  {
    ...row('without-proxies', 'ignores every such field where no proxy is trusted, and takes it away', 'XFCC of one hop', {
      id: idOf('/shipping'),
      evidence: ['mtls'],
      removed: ['x-forwarded-client-cert'],
    }),
    given: { preset: 'mtls', certificate: 'shipping', forwarded: 'XFCC of one hop' },
  },
]

function row(id: string, claim: string, forwarded: ForwardedKind, expected: Granted | Denied, preset: PresetName = 'behind-nginx'): Row {
  const certificate: CertificateKind = 'ingress'
  return { id: `forwarded/${id}`, claim, requirements: ['D6'], given: { preset, certificate, forwarded }, expected, clear: UNENCRYPTED }
}
