import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { FORWARDED_FORMATS, type ForwardedFormatName, parseApiGatewayEvent, parseForwarded } from '@countersign/x509'
import { example, examples, issuerDer, LEAF_ID, leafDer } from './examples.js'

type Fields = Readonly<Record<string, string>>
type Provenance = 'proxy-verified' | 'proxy-passed-through'

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
const xfccJson = JSON.stringify([
  {
    hash: examples.sha256,
    cert: encodeURIComponent(examples.leafPem),
    chain: encodeURIComponent(examples.leafPem + examples.issuerPem),
    subject: 'CN=checkout',
    uri: [LEAF_ID],
    dns: 'checkout.shop.svc',
  },
])
const eventOf = (): unknown => examples.examples['aws-apigw-event']
const contextJson = JSON.stringify((eventOf() as { requestContext: unknown }).requestContext)

/** Format, fields, whether the issuer comes with the leaf, provenance. */
const CERTIFICATES: readonly (readonly [ForwardedFormatName, Fields, boolean, Provenance])[] = [
  ['envoy-xfcc', example('envoy-xfcc (full)'), true, 'proxy-passed-through'],
  ['envoy-xfcc-json', { 'x-forwarded-client-cert': xfccJson }, true, 'proxy-passed-through'],
  ['istio', example('envoy-xfcc (full)'), true, 'proxy-passed-through'],
  ['nginx', example('nginx'), false, 'proxy-verified'],
  ['ingress-nginx', example('ingress-nginx'), false, 'proxy-verified'],
  ['apache', example('apache-httpd'), false, 'proxy-verified'],
  [
    'apache',
    {
      ...example('apache-httpd'),
      ssl_client_cert_chain_0: examples.issuerPem.replaceAll('\n', ' '),
      ssl_client_cert_chain_1: '(null)',
    },
    true,
    'proxy-verified',
  ],
  ['haproxy', example('haproxy'), false, 'proxy-verified'],
  ['haproxy', { ...example('haproxy'), 'x-ssl-client-chain': base64(issuerDer) }, true, 'proxy-verified'],
  ['haproxy', { ...example('haproxy'), 'x-ssl-client-chain': base64(Buffer.concat([leafDer, issuerDer])) }, true, 'proxy-verified'],
  [
    'haproxy',
    { 'x-ssl-client-cert': `"${base64(leafDer)}"`, 'x-ssl-client-verify': '"0"', 'x-ssl-client-used': '"1"' },
    false,
    'proxy-verified',
  ],
  ['traefik', example('traefik'), true, 'proxy-passed-through'],
  ['caddy', example('caddy'), false, 'proxy-passed-through'],
  ['caddy', { ...example('caddy'), 'x-client-cert-fingerprint': examples.sha256 }, false, 'proxy-passed-through'],
  ['aws-alb-verify', example('aws-alb-verify'), false, 'proxy-verified'],
  ['aws-alb-passthrough', example('aws-alb-passthrough'), true, 'proxy-passed-through'],
  [
    'cloudfront',
    {
      'cloudfront-viewer-cert-pem': example('aws-alb-verify')['x-amzn-mtls-clientcert-leaf'] ?? '',
      'cloudfront-viewer-cert-present': '1',
      'cloudfront-viewer-cert-sha256': examples.sha256,
      'cloudfront-viewer-cert-serial-number': '7b:9c:1f:f7:3a:f9:33:7f:39:98:07:d0:3f:5d:0d:63:f2:43:c4:f3',
      'cloudfront-viewer-cert-validity': 'NotBefore=2026-11-22T04:42:20Z;NotAfter=2029-02-24T04:42:20Z',
    },
    false,
    'proxy-passed-through',
  ],
  ['cloudfront', { ...example('rfc9440 / cloudflare-rfc9440'), 'cloudfront-viewer-cert-present': '1' }, true, 'proxy-passed-through'],
  ['api-gateway', { 'x-amzn-request-context': contextJson }, false, 'proxy-verified'],
  ['gcp', example('gcp-lb (configured names)'), true, 'proxy-verified'],
  ['azure-app-service', example('azure-app-service'), false, 'proxy-passed-through'],
  ...[
    examples.leafPem.replaceAll('\n', ' '),
    encodeURIComponent(examples.leafPem),
    base64(leafDer),
    encodeURIComponent(base64(leafDer)),
  ].map((value): readonly [ForwardedFormatName, Fields, boolean, Provenance] => [
    'azure-app-gateway',
    {
      'x-client-certificate': value,
      'x-client-certificate-verification': 'SUCCESS',
      'x-client-certificate-serial': '7B9C1FF73AF9337F399807D03F5D0D63F243C4F3',
    },
    false,
    'proxy-verified',
  ]),
  ['cloudflare', { ...example('cloudflare-legacy'), 'cf-cert-verified': 'true', 'cf-cert-revoked': 'false' }, false, 'proxy-verified'],
  ['cloudflare-rfc9440', example('rfc9440 / cloudflare-rfc9440'), true, 'proxy-passed-through'],
  ['rfc9440', example('rfc9440 / cloudflare-rfc9440'), true, 'proxy-passed-through'],
]

for (const [format, fields, withIssuer, provenance] of CERTIFICATES) {
  test(`reads the leaf and its issuer as ${format} hands them on: ${Object.keys(fields).join(', ').slice(0, 80)}`, () => {
    assert.deepEqual(parseForwarded(format, fields), {
      kind: 'certificate',
      leaf: leafDer,
      intermediates: withIssuer ? [issuerDer] : [],
      provenance,
    })
  })
}

test('reads the name that Istio and Linkerd assert', () => {
  const asserted = { kind: 'identity', provenance: 'proxy-asserted' }
  assert.deepEqual(parseForwarded('istio', example('istio-sidecar (default)')), {
    ...asserted,
    name: LEAF_ID,
    fingerprint256: examples.sha256,
  })
  assert.deepEqual(parseForwarded('linkerd', example('linkerd')), {
    ...asserted,
    name: 'checkout.shop.serviceaccount.identity.linkerd.cluster.local',
    fingerprint256: null,
  })
})

test('reads an event of API Gateway in both payload versions', () => {
  const event = eventOf() as { requestContext: { authentication: unknown } }
  const evidence = parseApiGatewayEvent(event)
  assert.ok(evidence !== null && !isRefusal(evidence) && evidence.kind === 'certificate')
  assert.deepEqual(evidence.leaf, leafDer)
  assert.deepEqual(parseApiGatewayEvent({ requestContext: { identity: event.requestContext.authentication } }), evidence)
})

test('takes a client without a certificate for one without, in every format', () => {
  for (const [name, { fields }] of FORWARDED_FORMATS) {
    assert.equal(parseForwarded(name, {}), null, name)
    assert.equal(parseForwarded(name, Object.fromEntries(Object.values(fields).map((field) => [field, '']))), null, name)
  }
  for (const [name, fields] of [
    ['nginx', { 'x-ssl-client-verify': 'NONE' }],
    ['ingress-nginx', { 'ssl-client-verify': 'NONE', 'ssl-client-cert': '' }],
    ['apache', { ssl_client_cert: '(null)', ssl_client_verify: 'NONE', ssl_client_cert_chain_0: '(null)' }],
    ['haproxy', { 'x-ssl-client-cert': '', 'x-ssl-client-verify': '0', 'x-ssl-client-used': '0' }],
    ['haproxy', { 'x-ssl-client-cert': '""', 'x-ssl-client-verify': '0' }],
    ['cloudfront', { 'cloudfront-viewer-cert-present': '0' }],
    [
      'gcp',
      { 'x-client-cert-present': 'false', 'x-client-cert-chain-verified': 'false', 'x-client-cert-error': 'client_cert_not_provided' },
    ],
    ['gcp', { 'x-client-cert-leaf': '::', 'x-client-cert-chain': ':' }],
    ['azure-app-gateway', { 'x-client-certificate-verification': 'NONE' }],
    ['cloudflare', { 'cf-cert-presented': 'false', 'cf-cert-verified': 'false', 'cf-cert-revoked': 'false' }],
    ['rfc9440', { 'client-cert': ':' }],
    ['rfc9440', { 'client-cert': '::' }],
    ['api-gateway', { 'x-amzn-request-context': '{"authentication":null,"identity":{"clientCert":null}}' }],
    ['envoy-xfcc-json', { 'x-forwarded-client-cert': '[]' }],
  ] as const satisfies readonly (readonly [ForwardedFormatName, Fields])[]) {
    assert.equal(parseForwarded(name, fields), null, `${name} ${JSON.stringify(fields)}`)
  }
})

test('knows twenty formats, each with a default name for every role, a basis and a provenance, and none of them can be changed', () => {
  assert.equal(FORWARDED_FORMATS.size, 20)
  for (const [name, format] of FORWARDED_FORMATS) {
    assert.equal(format.name, name)
    assert.ok(Object.isFrozen(format) && Object.isFrozen(format.fields) && Object.isFrozen(format.lists))
    for (const field of Object.values(format.fields)) assert.match(field, /^[a-z0-9_-]+$/)
    for (const role of format.lists) assert.ok(role in format.fields)
  }
})
