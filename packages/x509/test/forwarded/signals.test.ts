import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type ForwardedFormatName, parseApiGatewayContext, parseApiGatewayEvent, parseForwarded, parseXfccJson } from '@countersign/x509'
import { example, examples, issuerDer, LEAF_ID, leafDer } from './examples.js'
import { told } from './refused.js'

type Fields = Readonly<Record<string, string>>
type Case = readonly [change: Fields, expected: string]

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
const ISSUER_PEM = encodeURIComponent(examples.issuerPem)
const PEM = encodeURIComponent(examples.leafPem)

/** Every case is the good value with this changed. */
function table(format: ForwardedFormatName, good: Fields, cases: readonly Case[]): void {
  test(`believes ${format} only where it says that it verified the certificate, and nothing beside it contradicts`, () => {
    assert.equal(told(parseForwarded(format, good)), 'certificate')
    for (const [change, expected] of cases) {
      const fields = Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, value]) => value !== '-'))
      assert.equal(told(parseForwarded(format, fields)), expected, JSON.stringify(change).slice(0, 200))
    }
  })
}

const verifyCases = (certificate: string, verify: string): readonly Case[] => [
  [{ [verify]: '-' }, 'UNVERIFIED verify signal-missing'],
  [{ [verify]: '' }, 'UNVERIFIED verify signal-missing'],
  [{ [verify]: 'NONE' }, 'UNVERIFIED verify none'],
  [{ [verify]: 'FAILED' }, 'UNVERIFIED verify failed'],
  [{ [verify]: 'FAILED:unable to verify the first certificate' }, 'UNVERIFIED verify failed'],
  [{ [verify]: 'FAILED:SUCCESS' }, 'UNVERIFIED verify failed'],
  [{ [verify]: 'GENEROUS' }, 'UNVERIFIED verify generous'],
  [{ [verify]: 'success' }, 'UNVERIFIED verify unknown'],
  [{ [verify]: 'SUCCESS, SUCCESS' }, 'UNVERIFIED verify unknown'],
  [{ [verify]: 'SUCCESSFUL' }, 'UNVERIFIED verify unknown'],
  [{ [certificate]: '-' }, 'MISMATCH certificate certificate-missing'],
  [{ [certificate]: '' }, 'MISMATCH certificate certificate-missing'],
  [{ [certificate]: '-', [verify]: 'FAILED:certificate has expired' }, 'UNVERIFIED verify failed'],
  [{ [certificate]: '-', [verify]: 'GENEROUS' }, 'UNVERIFIED verify generous'],
  [{ [certificate]: '-', [verify]: 'NONE' }, 'null'],
]

table('nginx', example('nginx'), [
  ...verifyCases('x-ssl-client-cert', 'x-ssl-client-verify'),
  [{ 'x-ssl-client-cert': '(null)' }, 'MALFORMED certificate characters'],
  [{ 'x-ssl-client-cert': PEM + ISSUER_PEM }, 'AMBIGUOUS certificate list'],
])
table('ingress-nginx', example('ingress-nginx'), verifyCases('ssl-client-cert', 'ssl-client-verify'))
table('apache', example('apache-httpd'), [
  ...verifyCases('ssl_client_cert', 'ssl_client_verify'),
  [{ ssl_client_cert: '(null)' }, 'MISMATCH certificate certificate-missing'],
  [{ ssl_client_verify: '(null)' }, 'UNVERIFIED verify signal-missing'],
  [{ ssl_client_cert: '(null)', ssl_client_cert_chain_0: examples.issuerPem.replaceAll('\n', ' ') }, 'MALFORMED chain chain-without-leaf'],
  [{ ssl_client_cert_chain_3: 'x' }, 'MALFORMED chain3 pem'],
])
table('haproxy', example('haproxy'), [
  [{ 'x-ssl-client-used': '-' }, 'UNVERIFIED used signal-missing'],
  [{ 'x-ssl-client-used': '0' }, 'UNVERIFIED used none'],
  [{ 'x-ssl-client-used': '2' }, 'UNVERIFIED used unknown'],
  [{ 'x-ssl-client-verify': '-' }, 'UNVERIFIED verify signal-missing'],
  [{ 'x-ssl-client-verify': '18' }, 'UNVERIFIED verify failed'],
  [{ 'x-ssl-client-verify': '00' }, 'UNVERIFIED verify failed'],
  [{ 'x-ssl-client-verify': '0, 0' }, 'UNVERIFIED verify unknown'],
  [{ 'x-ssl-client-verify': 'SUCCESS' }, 'UNVERIFIED verify unknown'],
  // A resumed session of which HAProxy lost the certificate.
  [{ 'x-ssl-client-cert': '' }, 'MISMATCH certificate certificate-missing'],
  [{ 'x-ssl-client-cert': '', 'x-ssl-client-used': '-' }, 'null'],
  [{ 'x-ssl-client-cert': '', 'x-ssl-client-used': '0' }, 'null'],
  [{ 'x-ssl-client-cert': '', 'x-ssl-client-used': '0', 'x-ssl-client-verify': '10' }, 'UNVERIFIED used failed'],
  [{ 'x-ssl-client-cert': '', 'x-ssl-client-chain': base64(issuerDer) }, 'MALFORMED chain chain-without-leaf'],
  [{ 'x-ssl-client-chain': base64(issuerDer.subarray(0, -1)) }, 'MALFORMED chain intermediate'],
  [{ 'x-ssl-client-chain': base64(Buffer.concat([issuerDer, Buffer.of(0)])) }, 'MALFORMED chain intermediate'],
  [{ 'x-ssl-client-chain': base64(Buffer.from('3080', 'hex')) }, 'MALFORMED chain intermediate'],
  [{ 'x-ssl-client-chain': base64(Buffer.from('3000', 'hex')) }, 'MALFORMED certificate intermediate'],
  [{ 'x-ssl-client-chain': base64(Buffer.from('3000'.repeat(20_000), 'hex')) }, 'TOO_LARGE chain certificates'],
])
table('gcp', example('gcp-lb (configured names)'), [
  [{ 'x-client-cert-present': '-' }, 'UNVERIFIED verified signal-missing'],
  [{ 'x-client-cert-chain-verified': '-' }, 'UNVERIFIED verified signal-missing'],
  [{ 'x-client-cert-present': 'false' }, 'UNVERIFIED verified unknown'],
  [{ 'x-client-cert-present': 'false', 'x-client-cert-chain-verified': 'false' }, 'UNVERIFIED verified none'],
  [{ 'x-client-cert-chain-verified': 'false' }, 'UNVERIFIED verified failed'],
  [{ 'x-client-cert-chain-verified': 'TRUE' }, 'UNVERIFIED verified unknown'],
  [{ 'x-client-cert-error': 'client_cert_spiffe_id_exceeded_size_limit' }, 'UNVERIFIED error proxy-error'],
  [{ 'x-client-cert-error': 'client_cert_not_provided' }, 'UNVERIFIED error proxy-error'],
  [{ 'x-client-cert-leaf': '', 'x-client-cert-chain': '' }, 'MISMATCH certificate certificate-missing'],
  [{ 'x-client-cert-hash': base64(createHash('sha256').update(issuerDer).digest()) }, 'MISMATCH hash differs'],
  [{ 'x-client-cert-hash': examples.sha256 }, 'MISMATCH hash differs'],
  [{ 'x-client-cert-spiffe': `${LEAF_ID}2` }, 'MISMATCH spiffeId differs'],
  [
    { 'x-client-cert-leaf': '', 'x-client-cert-chain': '', 'x-client-cert-present': 'false', 'x-client-cert-chain-verified': 'false' },
    'MISMATCH hash certificate-missing',
  ],
])
table('cloudfront', { 'cloudfront-viewer-cert-pem': PEM, 'cloudfront-viewer-cert-present': '1' }, [
  [{ 'cloudfront-viewer-cert-present': '-' }, 'UNVERIFIED present signal-missing'],
  [{ 'cloudfront-viewer-cert-present': '0' }, 'UNVERIFIED present none'],
  [{ 'cloudfront-viewer-cert-present': 'true' }, 'UNVERIFIED present unknown'],
  [{ 'cloudfront-viewer-cert-pem': '-' }, 'MISMATCH certificate certificate-missing'],
  [{ 'cloudfront-viewer-cert-sha256': '0'.repeat(64) }, 'MISMATCH hash differs'],
  [{ 'cloudfront-viewer-cert-serial-number': '7b:9c' }, 'MISMATCH serial differs'],
  [{ 'cloudfront-viewer-cert-validity': 'NotBefore=2026-11-22T04:42:20Z;NotAfter=2039-02-24T04:42:20Z' }, 'MISMATCH validity differs'],
  [{ 'client-cert': `:${base64(leafDer)}:` }, 'certificate'],
  [{ 'client-cert': `:${base64(issuerDer)}:` }, 'MISMATCH clientCert differs'],
  [{ 'client-cert-chain': `:${base64(issuerDer)}:` }, 'MALFORMED chain chain-without-leaf'],
])
table('aws-alb-verify', example('aws-alb-verify'), [
  [{ 'x-amzn-mtls-clientcert-serial-number': '007b9c1ff73af9337f399807d03f5d0d63f243c4f3' }, 'certificate'],
  [{ 'x-amzn-mtls-clientcert-serial-number': '-', 'x-amzn-mtls-clientcert-validity': '-' }, 'certificate'],
  [{ 'x-amzn-mtls-clientcert-serial-number': '7B9C1FF73AF9337F399807D03F5D0D63F243C4F4' }, 'MISMATCH serial differs'],
  [{ 'x-amzn-mtls-clientcert-serial-number': '0' }, 'MISMATCH serial differs'],
  [{ 'x-amzn-mtls-clientcert-validity': 'NotBefore=2026-11-22T04:42:20Z' }, 'MISMATCH validity differs'],
  [{ 'x-amzn-mtls-clientcert-leaf': ISSUER_PEM }, 'MISMATCH serial differs'],
  [{ 'x-amzn-mtls-clientcert-leaf': PEM + ISSUER_PEM }, 'AMBIGUOUS certificate list'],
  [{ 'x-amzn-mtls-clientcert-leaf': '-' }, 'MISMATCH serial certificate-missing'],
])
table('caddy', { ...example('caddy'), 'x-client-cert-fingerprint': examples.sha256.toUpperCase() }, [
  [{ 'x-client-cert-fingerprint': '-' }, 'certificate'],
  [{ 'x-client-cert-fingerprint': examples.sha256.slice(2) }, 'MISMATCH hash differs'],
  [{ 'x-client-cert': '-' }, 'MISMATCH hash certificate-missing'],
])
table('azure-app-gateway', { 'x-client-certificate': PEM, 'x-client-certificate-verification': 'SUCCESS' }, [
  ...verifyCases('x-client-certificate', 'x-client-certificate-verification'),
  [{ 'x-client-certificate-fingerprint': createHash('sha1').update(leafDer).digest('hex') }, 'certificate'],
  [{ 'x-client-certificate-fingerprint': createHash('sha1').update(issuerDer).digest('hex') }, 'MISMATCH fingerprint differs'],
  [{ 'x-client-certificate-serial': '01' }, 'MISMATCH serial differs'],
])
table('cloudflare', { ...example('cloudflare-legacy'), 'cf-cert-verified': 'true', 'cf-cert-revoked': 'false' }, [
  [{ 'cf-cert-presented': 'true' }, 'certificate'],
  [{ 'cf-cert-verified': '-', 'cf-cert-revoked': '-' }, 'UNVERIFIED verified signal-missing'],
  [{ 'cf-cert-revoked': '-' }, 'UNVERIFIED verified signal-missing'],
  [{ 'cf-cert-revoked': 'true' }, 'UNVERIFIED verified revoked'],
  [{ 'cf-cert-verified': 'false' }, 'UNVERIFIED verified none'],
  [{ 'cf-cert-verified': 'false', 'cf-cert-presented': 'true' }, 'UNVERIFIED verified failed'],
  [{ 'cf-cert-verified': '1' }, 'UNVERIFIED verified unknown'],
  [{ 'cf-cert-presented': 'false' }, 'UNVERIFIED verified unknown'],
  [{ 'cf-client-cert-sha256': '00' }, 'MISMATCH hash differs'],
  [{ 'cf-client-cert-der-base64': '-' }, 'MISMATCH certificate certificate-missing'],
  [
    { 'cf-client-cert-der-base64': '-', 'cf-cert-verified': 'false', 'cf-cert-presented': 'true' },
    'MISMATCH certificate certificate-missing',
  ],
])
table('cloudflare-rfc9440', example('rfc9440 / cloudflare-rfc9440'), [
  [{ 'cf-cert-verified': 'true', 'cf-cert-revoked': 'false', 'cf-cert-presented': 'true' }, 'certificate'],
  [{ 'cf-cert-verified': 'false' }, 'UNVERIFIED verified none'],
  [{ 'cf-cert-verified': 'false', 'cf-cert-presented': 'true' }, 'UNVERIFIED verified failed'],
  [{ 'cf-cert-verified': 'true', 'cf-cert-revoked': 'true' }, 'UNVERIFIED verified revoked'],
  [{ 'client-cert': '-', 'client-cert-chain': '-', 'cf-cert-presented': 'true' }, 'MISMATCH certificate certificate-missing'],
])

const EVENT = examples.examples['aws-apigw-event'] as unknown as {
  requestContext: { authentication: { clientCert: Readonly<Record<string, unknown>> } }
}
const { clientCert } = EVENT.requestContext.authentication

test('refuses an event of API Gateway with two certificates, another serial number, or what is no certificate', () => {
  const event = (context: unknown): string => told(parseApiGatewayEvent({ requestContext: context }))
  const withCert = (change: object): string => event({ authentication: { clientCert: { ...clientCert, ...change } } })
  assert.equal(withCert({}), 'certificate')
  assert.equal(withCert({ serialNumber: undefined }), 'certificate')
  assert.equal(withCert({ serialNumber: '01' }), 'MISMATCH serial differs')
  assert.equal(withCert({ serialNumber: 1 }), 'MALFORMED context type')
  assert.equal(withCert({ clientCertPem: null }), 'MALFORMED context type')
  assert.equal(withCert({ clientCertPem: '' }), 'MALFORMED certificate pem')
  assert.equal(withCert({ clientCertPem: 'x'.repeat(70_000) }), 'TOO_LARGE context bytes')
  assert.equal(withCert({ clientCertPem: examples.leafPem + examples.issuerPem }), 'AMBIGUOUS certificate list')
  assert.equal(event({ authentication: { clientCert }, identity: { clientCert } }), 'AMBIGUOUS context repeated')
  assert.equal(event({ authentication: { clientCert: 'x' } }), 'MALFORMED context type')
  assert.equal(event({ authentication: { clientCert: Object.create(clientCert) } }), 'MALFORMED context type')
  for (const context of [
    undefined,
    null,
    {},
    'x',
    { authentication: null },
    { identity: { sourceIp: '192.0.2.1' } },
    Object.create(EVENT.requestContext),
  ])
    assert.equal(event(context), 'null')
  for (const none of [null, undefined, 'x', 1]) assert.equal(told(parseApiGatewayEvent(none)), 'MALFORMED context type')
})

test('refuses a request context that is no JSON, has a name twice, or nests without end', () => {
  const good = JSON.stringify(EVENT.requestContext)
  assert.equal(told(parseApiGatewayContext(good)), 'certificate')
  // UTF-8 as Node has it in a field: one character an octet.
  assert.equal(told(parseApiGatewayContext(good.replace('CN=checkout', Buffer.from('CN=Käse').toString('latin1')))), 'certificate')
  assert.equal(told(parseApiGatewayContext(good.replace('CN=checkout', 'CN=\u{1f9c0}'))), 'MALFORMED context characters')
  for (const text of [
    'x',
    '"x"',
    '1',
    'null',
    good.slice(1),
    `${good}${good}`,
    good.replace('{"clientCertPem"', '{"clientCertPem":"","clientCertPem"'),
    good.replace('{"clientCertPem"', '{"client\\u0043ertPem":"","clientCertPem"'),
    good.replace('{', '{"authentication":null,'),
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    '['.repeat(60_000),
    `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  ])
    assert.equal(told(parseApiGatewayContext(text)), 'MALFORMED context json', text.slice(0, 60))
  assert.equal(told(parseApiGatewayContext('{"__proto__":{"authentication":{"clientCert":{}}}}')), 'null')
  assert.equal(told(parseApiGatewayContext(`{"a":"${'x'.repeat(2 ** 20)}"}`)), 'TOO_LARGE context bytes')
})

test('holds the JSON form of Envoy to the rules of its text form', () => {
  const json = (...elements: unknown[]): string => JSON.stringify(elements)
  const good = { hash: examples.sha256, uri: LEAF_ID, subject: '', by: ['spiffe://a/b'] }
  assert.equal(told(parseXfccJson(json({ by: 'x', uri: 'spiffe://a/b' }, good))), 'identity')
  for (const [text, hops, expected] of [
    [json(good), 2, 'HOPS xfcc too-few-elements'],
    [json(good, {}), 1, 'MALFORMED uri identity'],
    [json({ ...good, uri: [LEAF_ID, LEAF_ID] }), 1, 'MALFORMED uri identity'],
    [json({ ...good, cert: PEM }), 1, 'certificate'],
    [json({ ...good, cert: PEM, dns: ['other'] }), 1, 'MISMATCH dns differs'],
    [json({ ...good, cert: ISSUER_PEM }), 1, 'MISMATCH hash differs'],
    [json({ ...good, cert: [PEM] }), 1, 'MALFORMED xfcc pair'],
    [json({ ...good, uri: [1] }), 1, 'MALFORMED xfcc pair'],
    [json({ ...good, uri: null }), 1, 'MALFORMED xfcc pair'],
    [json({ ...good, Cert: PEM }), 1, 'MALFORMED xfcc pair'],
    [json({ ...good, new: { toString: 1 } }), 1, 'identity'],
    [json(good).replace('"uri"', '"uri":"spiffe://a/b","uri"'), 1, 'MALFORMED xfcc json'],
    [json(good).replace('"uri"', '"\\u0075ri":"spiffe://a/b","uri"'), 1, 'MALFORMED xfcc json'],
    [json(null), 1, 'MALFORMED xfcc json'],
    [json([good]), 1, 'MALFORMED xfcc json'],
    [JSON.stringify(good), 1, 'MALFORMED xfcc json'],
    [`${json(good)},${json(good)}`, 1, 'MALFORMED xfcc json'],
    [`URI=${LEAF_ID}`, 1, 'MALFORMED xfcc json'],
    [json(...Array(65).fill({})), 1, 'TOO_LARGE xfcc elements'],
    [json({ ...good, uri: Array(301).fill('') }), 1, 'TOO_LARGE xfcc elements'],
  ] as const)
    assert.equal(told(parseXfccJson(text, hops)), expected, text.slice(0, 100))
})
