import { parseApiGatewayContext } from './api-gateway.js'
import { parseBase64Der, parseBase64List } from './base64-der.js'
import { parseClientCert } from './client-cert.js'
import { parseEscapedPemChain } from './escaped-pem.js'
import type { ForwardedFields, ForwardedFormat, ForwardedFormatName } from './format.js'
import { MAX_FORWARDED_BYTES } from './limits.js'
import { parseLinkerdIdentity } from './linkerd-identity.js'
import { type ForwardedRole, tooLarge } from './refusals.js'
import { fieldOf } from './signal.js'
import {
  parseAlbVerify,
  parseApache,
  parseAppGateway,
  parseCaddy,
  parseCloudFront,
  parseCloudflare,
  parseCloudflareClientCert,
  parseGcp,
  parseHaproxy,
  parseNginx,
} from './signalled-formats.js'
import { parseXfcc } from './xfcc.js'
import { parseXfccJson } from './xfcc-json.js'

type Parts = Omit<ForwardedFormat, 'lists' | 'fields'> & {
  readonly fields: Readonly<Partial<Record<ForwardedRole, string>>>
  readonly lists?: readonly ForwardedRole[]
}

const XFCC = { xfcc: 'x-forwarded-client-cert' }
const CLIENT_CERT = { certificate: 'client-cert', chain: 'client-cert-chain' }

// proxy-passed-through: Envoy writes the field for whatever certificate it was shown, also where `trust_chain_verification` accepts
// untrusted ones. Source: Envoy's documentation and code. Needs SANITIZE_SET, or APPEND_FORWARD and `hops`; `cert` or `chain` in
// `set_current_client_cert_details`, or a name is all there is.
const envoyXfcc: Parts = {
  name: 'envoy-xfcc',
  fields: XFCC,
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields, hops) => parseXfcc(fieldOf(fields, 'xfcc'), hops),
}

// As envoy-xfcc. Unverified: the names of the members were not seen. Needs `set_client_cert_format` on every Envoy of the way, since one
// that appends keeps the form of what came in.
const envoyXfccJson: Parts = {
  name: 'envoy-xfcc-json',
  fields: XFCC,
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields, hops) => parseXfccJson(fieldOf(fields, 'xfcc'), hops),
}

// proxy-asserted: a sidecar sends no certificate unless told to. Source: Envoy's. Sidecars append (set `hops` to their number), gateways
// replace; ambient mode sends nothing without the annotation `ambient.istio.io/xfcc-include-client-identity`.
const istio: Parts = { ...envoyXfcc, name: 'istio', provenance: 'proxy-asserted' }

// proxy-asserted: there is no certificate. Source: the code of linkerd2-proxy, which sets the field or removes it on every request.
const linkerd: Parts = {
  name: 'linkerd',
  fields: { identity: 'l5d-client-id' },
  provenance: 'proxy-asserted',
  basis: 'source',
  parse: (fields) => parseLinkerdIdentity(fieldOf(fields, 'identity')),
}

// proxy-verified, by `$ssl_client_verify`. Captured. Needs both `proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert` and
// `proxy_set_header X-SSL-Client-Verify $ssl_client_verify`; with `optional_no_ca` the certificate comes with FAILED and is refused.
const nginx: Parts = {
  name: 'nginx',
  fields: { certificate: 'x-ssl-client-cert', verify: 'x-ssl-client-verify' },
  provenance: 'proxy-verified',
  basis: 'captured',
  parse: parseNginx,
}

// proxy-verified, by ssl-client-verify. Unverified. Needs `auth-tls-pass-certificate-to-upstream: "true"`. The DN fields are not compared:
// their text has several forms.
const ingressNginx: Parts = {
  name: 'ingress-nginx',
  fields: { certificate: 'ssl-client-cert', verify: 'ssl-client-verify' },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseNginx,
}

// proxy-verified, by SSL_CLIENT_VERIFY; GENEROUS is not. Captured. Needs `RequestHeader set` (never `add`) of %{SSL_CLIENT_CERT}s and
// %{SSL_CLIENT_VERIFY}s, `SSLOptions +ExportCertData`, and SSL_CLIENT_CERT_CHAIN_0 to _3 where there are intermediates.
const apache: Parts = {
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
}

// proxy-verified, by ssl_c_verify 0 beside ssl_c_used 1. Captured. Needs `http-request set-header` of %[ssl_c_der,base64],
// %[ssl_c_verify] and %[ssl_c_used]; %[ssl_c_chain_der,base64] for the intermediates. Turn resumption off: it loses the certificate.
const haproxy: Parts = {
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
}

// proxy-passed-through: no field says that it was verified. Source: the code of Traefik 3. Needs passTLSClientCert with `pem: true`, and an
// entry point that drops the field from clients: without a certificate the middleware lets a client's own field through.
const traefik: Parts = {
  name: 'traefik',
  fields: { certificate: 'x-forwarded-tls-client-cert' },
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields) => parseBase64List(fieldOf(fields, 'certificate')),
}

// proxy-passed-through: no field says that it was verified. Captured. Needs `client_auth` with `require_and_verify`, and `header_up` of
// {http.request.tls.client.certificate_der_base64}, of {http.request.tls.client.fingerprint} too if you like.
const caddy: Parts = {
  name: 'caddy',
  fields: { certificate: 'x-client-cert', hash: 'x-client-cert-fingerprint' },
  provenance: 'proxy-passed-through',
  basis: 'captured',
  parse: parseCaddy,
}

// proxy-verified: a listener writes -Leaf in its verify mode alone. Unverified. Serial number and validity are held against the leaf, the
// DN fields are not compared.
const albVerify: Parts = {
  name: 'aws-alb-verify',
  fields: {
    certificate: 'x-amzn-mtls-clientcert-leaf',
    serial: 'x-amzn-mtls-clientcert-serial-number',
    validity: 'x-amzn-mtls-clientcert-validity',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseAlbVerify,
}

// proxy-passed-through: nothing was validated. Unverified. The chain that the client sent, leaf first.
const albPassthrough: Parts = {
  name: 'aws-alb-passthrough',
  fields: { certificate: 'x-amzn-mtls-clientcert' },
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields) => parseEscapedPemChain(fieldOf(fields, 'certificate')),
}

// proxy-passed-through: -Present is 1 in the passthrough mode too, which validates nothing. Unverified. Needs an origin request policy with
// -Present, and -Pem or Client-Cert; -Sha256, -Serial-Number and -Validity are held against the leaf.
const cloudfront: Parts = {
  name: 'cloudfront',
  fields: {
    certificate: 'cloudfront-viewer-cert-pem',
    present: 'cloudfront-viewer-cert-present',
    hash: 'cloudfront-viewer-cert-sha256',
    serial: 'cloudfront-viewer-cert-serial-number',
    validity: 'cloudfront-viewer-cert-validity',
    clientCert: 'client-cert',
    chain: 'client-cert-chain',
  },
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: parseCloudFront,
}

// proxy-verified, against the trust store of the custom domain. Unverified. Needs the Lambda Web Adapter; the default execute-api endpoint
// must be disabled.
const apiGateway: Parts = {
  name: 'api-gateway',
  fields: { context: 'x-amzn-request-context' },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: (fields) => parseApiGatewayContext(fieldOf(fields, 'context')),
}

// proxy-verified, by client_cert_chain_verified. Unverified. Needs custom request headers for client_cert_leaf, client_cert_chain,
// client_cert_present, client_cert_chain_verified and client_cert_error; the fingerprint and the SPIFFE ID are held against the leaf.
const gcp: Parts = {
  name: 'gcp',
  fields: {
    certificate: 'x-client-cert-leaf',
    chain: 'x-client-cert-chain',
    present: 'x-client-cert-present',
    verified: 'x-client-cert-chain-verified',
    error: 'x-client-cert-error',
    hash: 'x-client-cert-hash',
    spiffeId: 'x-client-cert-spiffe',
  },
  lists: ['chain'],
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseGcp,
}

// proxy-passed-through: nothing was validated, and the optional modes hand on certificates whose key nobody proved (reported). Unverified.
// Needs the mode Required.
const azureAppService: Parts = {
  name: 'azure-app-service',
  fields: { certificate: 'x-arr-clientcert' },
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields) => parseBase64Der(fieldOf(fields, 'certificate')),
}

// proxy-verified, by {var_client_certificate_verification}. Unverified: PEM and base64 are both read. Needs rewrite rules that set both
// fields; the SHA-1 fingerprint and the serial number are held against the leaf where they are sent.
const azureAppGateway: Parts = {
  name: 'azure-app-gateway',
  fields: {
    certificate: 'x-client-certificate',
    verify: 'x-client-certificate-verification',
    fingerprint: 'x-client-certificate-fingerprint',
    serial: 'x-client-certificate-serial',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseAppGateway,
}

// proxy-verified, by Cf-Cert-Verified true and Cf-Cert-Revoked false. Unverified. Needs client certificate forwarding and the managed
// transform that adds the TLS client fields.
const cloudflare: Parts = {
  name: 'cloudflare',
  fields: {
    certificate: 'cf-client-cert-der-base64',
    hash: 'cf-client-cert-sha256',
    verified: 'cf-cert-verified',
    revoked: 'cf-cert-revoked',
    present: 'cf-cert-presented',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseCloudflare,
}

// proxy-passed-through: the values are there whatever became of the check. Unverified. Needs rules that set or remove both fields on every
// request, and only where cert_verified is true and cert_revoked is false.
const cloudflareRfc9440: Parts = {
  name: 'cloudflare-rfc9440',
  fields: { ...CLIENT_CERT, verified: 'cf-cert-verified', revoked: 'cf-cert-revoked', present: 'cf-cert-presented' },
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: parseCloudflareClientCert,
}

// proxy-passed-through: no field says that it was verified. Source: the text of RFC 9440. Needs a proxy that removes both fields from every
// request that comes in (§2.4).
const rfc9440: Parts = {
  name: 'rfc9440',
  fields: CLIENT_CERT,
  lists: ['chain'],
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields) => parseClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain')),
}

/** Every format that is read, by name. Frozen. */
export const FORWARDED_FORMATS: ReadonlyMap<ForwardedFormatName, ForwardedFormat> = new Map(
  [
    envoyXfcc,
    envoyXfccJson,
    istio,
    linkerd,
    nginx,
    ingressNginx,
    apache,
    haproxy,
    traefik,
    caddy,
    albVerify,
    albPassthrough,
    cloudfront,
    apiGateway,
    gcp,
    azureAppService,
    azureAppGateway,
    cloudflare,
    cloudflareRfc9440,
    rfc9440,
  ].map((parts) => [parts.name, formatFrom(parts)]),
)

function formatFrom(parts: Parts): ForwardedFormat {
  const { fields, lists = [], parse } = parts
  const roles = Object.keys(fields)
  return Object.freeze({
    ...parts,
    fields: Object.freeze({ ...fields }),
    lists: Object.freeze([...lists]),
    parse: (values: ForwardedFields, hops: number) =>
      bytesOf(values, roles) > MAX_FORWARDED_BYTES ? tooLarge('format', 'bytes') : parse(values, hops),
  })
}

function bytesOf(values: ForwardedFields, roles: readonly string[]): number {
  return roles.reduce((sum, role) => sum + (Object.hasOwn(values, role) ? (values[role]?.length ?? 0) : 0), 0)
}
