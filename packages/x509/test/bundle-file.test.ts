import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createPeerVerifier, type TrustAnchors } from '@countersign/x509'
import { bundleOf, createLiveStage, fetchTrusting, startEndpoint, webCertificate } from './bundles.js'
import { commonName, san } from './der.js'
import { DAY_MS, type Forged, forge, forgeCa, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, folder, open, recalled, verdict } from './stage.js'

const root = forgeCa()
const next = forgeCa({ subject: commonName('next') })
const leafOf = (issuer: Forged, domain: string): Forged => forge({ issuer, sans: [san.uri(`spiffe://${domain}/orders`)] })
const ID = 'spiffe://prod.example/orders'

test('reads a SPIFFE bundle from a file, and judges open connections by what it has become', async (t) => {
  const files = folder(t)
  const stage = createStage()
  const file = files.write('bundle', `\n ${bundleOf([root], { spiffe_sequence: 1 })}`)
  const verifier = open(t, { trust: { trustDomain: 'prod.example', file } }, stage)
  const [old, young] = [leafOf(root, 'prod.example'), leafOf(next, 'prod.example')].map((leaf) => connectionWith(leaf))
  assert.ok(old !== undefined && young !== undefined)
  assert.equal(await verdict(verifier, old), ID)
  assert.equal(await verdict(verifier, young), 'ERR_PEER_UNTRUSTED')
  files.write('bundle', bundleOf([next], { spiffe_sequence: 2 }))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, old), undefined)
  assert.equal(await verdict(verifier, old), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, young), ID)
  // Half written: the old one stays. Empty: the trust domain has withdrawn every key.
  files.write('bundle', bundleOf([root]).slice(0, -3))
  assert.equal(verifier.reload(), false)
  assert.equal(await verdict(verifier, young), ID)
  files.write('bundle', '{"keys":[]}')
  assert.equal(verifier.reload(), true)
  assert.equal(await verdict(verifier, young), 'ERR_PEER_UNTRUSTED')
  const facts = stage.events
    .filter(({ kind }) => kind.startsWith('trust.'))
    .map(({ kind, severity, facts: { reason } }) => [kind, severity, reason !== undefined])
  assert.deepEqual(facts, [
    ['trust.reloaded', 'info', false],
    ['trust.reload-failed', 'error', true],
    ['trust.reloaded', 'warn', false],
  ])
})

test('takes over a bundle whose authorities have all expired: whoever is issued by them is refused for that', async (t) => {
  const past = forgeCa({ validFromMs: NOW_MS - 3 * DAY_MS, validToMs: NOW_MS - DAY_MS })
  const file = folder(t).write('bundle.json', bundleOf([past]))
  const verifier = open(t, { trust: { trustDomain: 'prod.example', file } })
  assert.equal(await verdict(verifier, connectionWith(leafOf(past, 'prod.example'))), 'ERR_PEER_EXPIRED')
})

test('does not start with a bundle that belongs to no trust domain, or is damaged', (t) => {
  const file = folder(t).write('bundle.json', bundleOf([root]))
  const damaged = folder(t).write('bundle.json', '{"keys":[],"keys":[]}')
  const rows: readonly (readonly [trust: string | TrustAnchors, option: string, message: RegExp])[] = [
    [file, 'mtls.trust', /write \{ trustDomain: 'prod\.example', file \}/],
    [{ trustDomain: null, file }, 'mtls.trust.file', /write \{ trustDomain: 'prod\.example', file \}/],
    [{ trustDomain: 'prod.example', file: damaged }, 'mtls.trust.file', /bundle\.json holds no object of strict JSON/],
  ]
  for (const [trust, option, message] of rows)
    assert.throws(() => createPeerVerifier({ trust }, createStage()), {
      name: 'MisuseError',
      code: 'ERR_TRUST_UNREADABLE',
      option,
      message,
    })
})

test('takes no SPIFFE bundle for intermediates', (t) => {
  const intermediates = folder(t).write('bundle.json', bundleOf([root]))
  const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
  assert.throws(() => createPeerVerifier({ trust, intermediates }, createStage()), {
    code: 'ERR_TRUST_UNREADABLE',
    option: 'mtls.intermediates',
  })
})

/** Each way to hand over the anchors of a trust domain. */
const forms: readonly (readonly [claim: string, (t: TestContext, trustDomain: string, authority: Forged) => Promise<TrustAnchors>])[] = [
  ['PEM', async (_, trustDomain, authority) => ({ trustDomain, pem: pem(authority.der) })],
  ['a PEM file', async (t, trustDomain, authority) => ({ trustDomain, file: folder(t).write('ca.pem', pem(authority.der)) })],
  ['a SPIFFE bundle', async (t, trustDomain, authority) => ({ trustDomain, file: folder(t).write('b.json', bundleOf([authority])) })],
  [
    'an https_web endpoint',
    async (t, trustDomain, authority) => {
      const { url } = await startEndpoint(t, webServer, [], bundleOf([authority]))
      return { trustDomain, url, profile: 'https_web' }
    },
  ],
  [
    'an https_spiffe endpoint',
    async (t, trustDomain, authority) => {
      const endpointSpiffeId = `spiffe://${trustDomain}/bundles`
      const own = forge({ issuer: authority, sans: [san.uri(endpointSpiffeId)] })
      const { url } = await startEndpoint(t, own, [], bundleOf([authority]))
      return { trustDomain, url, profile: 'https_spiffe', endpointSpiffeId, bundle: folder(t).write('b.json', bundleOf([authority])) }
    },
  ],
]
const web = forgeCa({ subject: commonName('web'), validFromMs: Date.now() - DAY_MS, validToMs: Date.now() + DAY_MS })
const webServer = webCertificate(web)

for (const [claim, formOf] of forms) {
  for (const [other, otherOf] of forms) {
    test(`never lets an anchor of ${claim} vouch for the trust domain of ${other}`, async (t) => {
      const [a, b] = [forgeCa({ subject: commonName('a') }), forgeCa({ subject: commonName('b') })]
      const trust = [await formOf(t, 'a.example', a), await otherOf(t, 'b.example', b)]
      const verifier = open(t, { trust }, createLiveStage(fetchTrusting(web)))
      await verifier.ready()
      const verdicts = await Promise.all(
        [leafOf(a, 'a.example'), leafOf(b, 'b.example'), leafOf(a, 'b.example'), leafOf(b, 'a.example')].map((leaf) =>
          verdict(verifier, connectionWith(leaf)),
        ),
      )
      assert.deepEqual(verdicts, ['spiffe://a.example/orders', 'spiffe://b.example/orders', 'ERR_PEER_UNTRUSTED', 'ERR_PEER_UNTRUSTED'])
      // Nor through an intermediate that calls itself after the other domain, or that the other's CA has cross-signed the name of.
      const middle = forgeCa({ issuer: a, subject: b.subject, sans: [san.uri('spiffe://b.example')] })
      assert.equal(await verdict(verifier, connectionWith(leafOf(middle, 'b.example'), middle)), 'ERR_PEER_UNTRUSTED')
    })
  }
}
