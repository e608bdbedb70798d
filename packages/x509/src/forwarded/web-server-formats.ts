import { isRefusal } from '@countersign/core'
import { decodeBase64Der, decodeConcatenatedDer, parseBase64List } from './base64-der.js'
import { chained } from './certificates.js'
import { defineFormat } from './define-format.js'
import { decodeEscapedPem } from './escaped-pem.js'
import { decodeFoldedPem } from './folded-pem.js'
import type { ForwardedFields, ForwardedResult } from './format.js'
import { isSha256Hex } from './redundant.js'
import type { ForwardedRole } from './refusals.js'
import { checked, fieldOf, judged, type Signal, type Texts, textsOf, verifySignal } from './signal.js'

const APACHE_CHAIN = ['chain0', 'chain1', 'chain2', 'chain3'] as const satisfies readonly ForwardedRole[]

/**
 * proxy-verified, by `$ssl_client_verify`. Captured. Needs both `proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert` and
 * `proxy_set_header X-SSL-Client-Verify $ssl_client_verify`; with `optional_no_ca` the certificate comes with FAILED and is refused.
 */
export const nginx = defineFormat({
  name: 'nginx',
  fields: { certificate: 'x-ssl-client-cert', verify: 'x-ssl-client-verify' },
  provenance: 'proxy-verified',
  basis: 'captured',
  parse: parseNginx,
})

/**
 * proxy-verified, by ssl-client-verify. Source: the template of ingress-nginx, which is nginx's own variables. Needs
 * `auth-tls-pass-certificate-to-upstream: "true"`, and `auth-tls-secret` on every ingress that leads to the service: without it the
 * template sets neither field, and a client's own get through. The DN fields are not compared: their text has several forms.
 */
export const ingressNginx = defineFormat({
  name: 'ingress-nginx',
  fields: { certificate: 'ssl-client-cert', verify: 'ssl-client-verify' },
  provenance: 'proxy-verified',
  basis: 'source',
  parse: parseNginx,
})

/**
 * proxy-verified, by SSL_CLIENT_VERIFY; GENEROUS is not. Captured. Needs `RequestHeader set` (never `add`) of %{SSL_CLIENT_CERT}s and
 * %{SSL_CLIENT_VERIFY}s, and of SSL_CLIENT_CERT_CHAIN_0 to _3 where there are intermediates; a resumed session has lost those. What a client
 * names in `Connection` Apache drops after it has set it: a certificate without a verdict may be one that failed.
 */
export const apache = defineFormat({
  name: 'apache',
  fields: {
    certificate: 'ssl_client_cert',
    verify: 'ssl_client_verify',
    chain0: 'ssl_client_cert_chain_0',
    chain1: 'ssl_client_cert_chain_1',
    chain2: 'ssl_client_cert_chain_2',
    chain3: 'ssl_client_cert_chain_3',
  },
  provenance: 'proxy-verified',
  basis: 'captured',
  parse: parseApache,
})

/**
 * proxy-verified, by ssl_c_verify 0 beside ssl_c_used 1. Captured. Needs `http-request set-header` of %[ssl_c_der,base64],
 * %[ssl_c_verify] and %[ssl_c_used]; %[ssl_c_chain_der,base64] for the intermediates, where the leaf may stand first. A resumed session has
 * its certificate still (2.6 with OpenSSL 3), and lost its intermediates; one that lost its certificate too is refused, since it says that
 * one was used.
 */
export const haproxy = defineFormat({
  name: 'haproxy',
  fields: {
    certificate: 'x-ssl-client-cert',
    chain: 'x-ssl-client-chain',
    verify: 'x-ssl-client-verify',
    used: 'x-ssl-client-used',
  },
  provenance: 'proxy-verified',
  basis: 'captured',
  parse: parseHaproxy,
})

/**
 * proxy-passed-through: no field says that it was verified. Source: the code of Traefik 3. Needs passTLSClientCert with `pem: true`, and an
 * entry point that drops the field from clients: without a certificate the middleware lets a client's own field through.
 */
export const traefik = defineFormat({
  name: 'traefik',
  fields: { certificate: 'x-forwarded-tls-client-cert' },
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields) => parseBase64List(fieldOf(fields, 'certificate')),
})

/**
 * proxy-passed-through: no field says that it was verified. Captured. Needs `client_auth` with `require_and_verify`, and `header_up` of
 * {http.request.tls.client.certificate_der_base64}, of {http.request.tls.client.fingerprint} too if you like. Where there is no certificate
 * Caddy 2.6 sends such a placeholder as it stands in the configuration, which is malformed here: `map` can make it empty.
 */
export const caddy = defineFormat({
  name: 'caddy',
  fields: { certificate: 'x-client-cert', hash: 'x-client-cert-fingerprint' },
  provenance: 'proxy-passed-through',
  basis: 'captured',
  parse: parseCaddy,
})

/** nginx and ingress-nginx: escaped PEM, and `$ssl_client_verify`. */
function parseNginx(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const decoded = decodeEscapedPem(fieldOf(fields, 'certificate'), 'certificate')
  return checked(judged(decoded, verifySignal(texts.verify), 'verify'), fields, [], 'proxy-verified')
}

/** Apache httpd: folded PEM, intermediates in fields of their own, and `SSL_CLIENT_VERIFY`. */
function parseApache(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const leaf = decodeFoldedPem(fieldOf(fields, 'certificate'), 'certificate')
  if (isRefusal(leaf)) return leaf
  const intermediates: Uint8Array[] = []
  for (const role of APACHE_CHAIN) {
    const decoded = decodeFoldedPem(fieldOf(fields, role), role)
    if (isRefusal(decoded)) return decoded
    intermediates.push(...(decoded ?? []))
  }
  return checked(judged(chained(leaf, intermediates), verifySignal(texts.verify), 'verify'), fields, [], 'proxy-verified')
}

/** HAProxy: base64 of the DER, with quotes or without, the chain concatenated, `ssl_c_verify`, and `ssl_c_used` beside it. */
function parseHaproxy(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'certificate', 'chain', 'verify', 'used')
  if (isRefusal(texts)) return texts
  const leaf = decodeBase64Der(unquoted(texts.certificate), 'certificate')
  if (isRefusal(leaf)) return leaf
  const chain = decodeConcatenatedDer(unquoted(texts.chain), 'chain')
  if (isRefusal(chain)) return chain
  return checked(judged(chained(leaf, chain), haproxySignal(texts), texts.used === '1' ? 'verify' : 'used'), fields, [], 'proxy-verified')
}

// `ssl_c_verify` is 0 where there is no certificate too: it says something only beside a certificate that was used.
function haproxySignal({ verify, used }: Texts<'verify' | 'used'>): Signal {
  const number = unquoted(verify)
  if (number !== '' && number !== '0') return /^\d{1,9}$/.test(number) ? 'failed' : 'unknown'
  switch (unquoted(used)) {
    case '1':
      return number === '0' ? 'verified' : 'silent'
    case '0':
      return 'none'
    case '':
      return 'silent'
    default:
      return 'unknown'
  }
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}

/** Caddy: base64 of the DER, and its hash where the configuration sends it. */
function parseCaddy(fields: ForwardedFields): ForwardedResult {
  return checked(decodeBase64Der(fieldOf(fields, 'certificate'), 'certificate'), fields, [['hash', isSha256Hex]], 'proxy-passed-through')
}
