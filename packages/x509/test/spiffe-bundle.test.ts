import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { parseSpiffeBundle, parseSpiffeBundleMap } from '@countersign/x509'
import { bundleOf, x509Key } from './bundles.js'
import { commonName } from './der.js'
import { ecKeys, forge, forgeCa, rsaKeys } from './forge.js'

const DOMAIN = 'prod.example'
const root = forgeCa()
const next = forgeCa({ subject: commonName('next'), keys: rsaKeys(2048) })
const entry = x509Key(root)
const tokenJwk = ecKeys().publicKey.export({ format: 'jwk' })
const tokenKey = { use: 'jwt-svid', kid: 'one', ...tokenJwk }

const parse = (keys: readonly unknown[], over: Record<string, unknown> = {}) => parseSpiffeBundle(JSON.stringify({ keys, ...over }), DOMAIN)

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof MisuseError && error.code === 'ERR_TRUST_UNREADABLE') return error.message
    throw error
  }
  return 'accepted'
}

test('reads authorities, token keys, sequence and refresh hint of a bundle', () => {
  const wit = { use: 'wit-svid', kid: 'two', ...tokenJwk, alg: 'ES256' }
  const bundle = parse([entry, x509Key(next), tokenKey, wit], { spiffe_sequence: 3, spiffe_refresh_hint: 60, issued_by: 'somebody' })
  assert.deepEqual(
    bundle.x509Authorities.map((der) => Buffer.from(der).toString('hex')),
    [root, next].map(({ der }) => Buffer.from(der).toString('hex')),
  )
  assert.deepEqual(bundle.jwtAuthorities.get('one'), tokenKey)
  assert.deepEqual(bundle.witAuthorities.get('two'), wit)
  assert.deepEqual([bundle.trustDomain, bundle.sequence, bundle.refreshHintSeconds], [DOMAIN, 3n, 60])
  assert.ok(Object.isFrozen(bundle))
})

test('keeps a sequence number of 64 bits exactly', () => {
  const { sequence } = parseSpiffeBundle('{"spiffe_sequence": 18446744073709551615, "keys": []}', DOMAIN)
  assert.equal(sequence, 2n ** 64n - 1n)
  const neighbours = ['9007199254740993', '9007199254740992'].map(
    (text) => parseSpiffeBundle(`{"spiffe_sequence":${text},"keys":[]}`, DOMAIN).sequence,
  )
  assert.notEqual(neighbours[0], neighbours[1])
})

test('passes over keys of an unknown type or use, without use, without x5c, and private ones', () => {
  const rows = [
    { ...entry, kty: 'AKP' },
    { ...entry, kty: undefined },
    { ...entry, crv: 'P-999' },
    { ...entry, use: 'ssh-svid' },
    { ...entry, use: 'X509-SVID' },
    { ...entry, use: undefined },
    { ...entry, x5c: undefined },
    { ...entry, x5c: [] },
    { ...entry, d: 'AAAA' },
    { ...tokenKey, d: 'AAAA' },
    { kty: 'oct', use: 'jwt-svid', kid: 'three', k: 'AAAA' },
  ]
  for (const row of rows) {
    const bundle = parse([row])
    assert.deepEqual([bundle.x509Authorities.length, bundle.jwtAuthorities.size], [0, 0], JSON.stringify(row).slice(0, 60))
  }
})

test('refuses a bundle that is damaged, wrong or ambiguous, and says why', () => {
  const leaf = forge({ issuer: root })
  const x5c = (...ders: readonly Uint8Array[]) => ders.map((der) => Buffer.from(der).toString('base64'))
  const rows: readonly (readonly [keys: readonly unknown[], reason: RegExp])[] = [
    [[{ ...entry, x5c: x5c(root.der, next.der) }], /more than one certificate, as key 1/],
    [[entry, { ...entry, x5c: ['!'] }], /not base64, as key 2/],
    [[{ ...entry, x5c: 'AAAA' }], /x5c that is no list/],
    [[{ ...entry, x5c: [5] }], /not base64/],
    [[{ ...entry, x5c: x5c(root.der.subarray(0, -1)) }], /certificate that cannot be read/],
    [[{ ...x509Key(leaf) }], /not a CA certificate/],
    [[{ ...entry, x5c: x5c(forgeCa().der) }], /x5c for another key/],
    [[{ ...entry, x: undefined }], /key that cannot be read/],
    [[{ ...tokenKey, kid: undefined }], /without a kid/],
    [[{ ...tokenKey, kid: '' }], /without a kid/],
    [[{ ...tokenKey, kid: 5 }], /without a kid/],
    [[{ ...tokenKey, x: tokenJwk.y }], /key that cannot be read/],
    [[{ ...tokenKey, alg: 5 }], /alg that is no name/],
    [[tokenKey, { ...tokenKey, use: 'wit-svid' }], /kid that another has, as key 2/],
    [['key'], /no object, as key 1/],
    [Array.from({ length: 251 }, () => ({})), /more than 250 keys/],
  ]
  for (const [keys, reason] of rows)
    assert.match(
      refusal(() => parse(keys)),
      reason,
    )
  const members: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ keys: undefined }, /no list of keys/],
    [{ keys: {} }, /no list of keys/],
    [{ keys: null }, /no list of keys/],
    [{ spiffe_sequence: '1' }, /spiffe_sequence/],
    [{ spiffe_sequence: 1.5 }, /spiffe_sequence/],
    [{ spiffe_sequence: -1 }, /spiffe_sequence/],
    [{ spiffe_sequence: null }, /spiffe_sequence/],
    [{ spiffe_refresh_hint: '60' }, /spiffe_refresh_hint/],
    [{ spiffe_refresh_hint: -60 }, /spiffe_refresh_hint/],
  ]
  for (const [over, reason] of members)
    assert.match(
      refusal(() => parse([], over)),
      reason,
    )
})

test('refuses what is no strict JSON: members twice, depth, numbers without end, anything behind it', () => {
  const nested = `${'['.repeat(40)}${']'.repeat(40)}`
  const rows = [
    '{"keys":[],"keys":[]}',
    `{"keys":[{"use":"x509-svid","use":"jwt-svid"}]}`,
    '{"keys":[],"k\\u0065ys":[]}',
    `{"keys":[],"x":${nested}}`,
    `{"keys":[],"spiffe_sequence":${'9'.repeat(5000)}}`,
    '{"keys":[],"spiffe_sequence":18446744073709551616}',
    '{"keys":[],"spiffe_sequence":01}',
    `{"keys":[],"x":[${'0,'.repeat(50_000)}0]}`,
    '{"keys":[]} {}',
    '{"keys":[],}',
    '{"keys":[,]}',
    '{"keys":[1,]}',
    '{"keys" []}',
    '{"keys":[]',
    '{"keys":[]\u00a0}',
    '{"keys":[]}\u00a0',
    '{"keys":[],"x":"\u0001"}',
    '{"keys":[],"x":"\\x"}',
    '{"keys":[],"x":"\\ud800"}',
    "{'keys':[]}",
    '{"keys":[],"x":NaN}',
    '[]',
    '"keys"',
    '',
    '\ufeff{"keys":[]}',
  ]
  for (const text of rows)
    assert.notEqual(
      refusal(() => parseSpiffeBundle(text, DOMAIN)),
      'accepted',
      text.slice(0, 60),
    )
  assert.match(
    refusal(() => parseSpiffeBundle(Uint8Array.of(0x7b, 0xff, 0x7d), DOMAIN)),
    /not UTF-8/,
  )
  assert.match(
    refusal(() => parseSpiffeBundle(`{"keys":[],"x":"${'x'.repeat(1024 * 1024)}"}`, DOMAIN)),
    /more than 1048576 bytes/,
  )
  assert.equal(
    parseSpiffeBundle(' {"keys":[ ],"__proto__":{"x":1e3,"y":[true,false,null,-0.5]},"\\n":"\\u00e9\\\\"}\n', DOMAIN).sequence,
    null,
  )
})

test('refuses a damaged bundle or reads it, and takes nothing that JSON.parse would not', () => {
  const good = Buffer.from(bundleOf([root], { spiffe_sequence: 12, x: [true, false, null, -1.5e3, 'é\n"'] }))
  let read = 0
  for (const value of [0x00, 0x22, 0x2c, 0x30, 0x5c, 0x7d, 0xff]) {
    for (const at of good.keys()) {
      const damaged = Buffer.from(good)
      damaged[at] = value
      if (refusal(() => parseSpiffeBundle(damaged, DOMAIN)) !== 'accepted') continue
      read++
      assert.doesNotThrow(() => JSON.parse(damaged.toString()))
    }
  }
  assert.ok(read > 0)
})

test('reads long strings at the limit of size', () => {
  const filler = 'x\\n'.repeat(349_000)
  assert.equal(parseSpiffeBundle(`{"keys":[],"x":"${filler}"}`, DOMAIN).x509Authorities.length, 0)
  assert.equal(parseSpiffeBundleMap(`{"trust_domains":{},"x":"${'x\\n'.repeat(1_398_000)}"}`).size, 0)
})

test('takes no bundle for what is no trust domain', () => {
  for (const name of ['', 'PROD', 'spiffe://prod.example', 'prod.example/a', 'a'.repeat(256)])
    assert.throws(() => parseSpiffeBundle('{"keys":[]}', name), { name: 'MisuseError', code: 'ERR_OPTION_INVALID' })
})

test('reads a bundle map, each bundle with its trust domain', () => {
  const map = parseSpiffeBundleMap(
    `{"trust_domains":{"a.example":${bundleOf([root])},"b.example":${bundleOf([next], { spiffe_sequence: 2 })}}}`,
  )
  assert.deepEqual([...map.keys()], ['a.example', 'b.example'])
  assert.deepEqual(
    [...map.values()].map(({ trustDomain, x509Authorities }) => [trustDomain, x509Authorities.length]),
    [
      ['a.example', 1],
      ['b.example', 1],
    ],
  )
  assert.deepEqual(Buffer.from(map.get('b.example')?.x509Authorities[0] ?? []), Buffer.from(next.der))
  assert.equal(parseSpiffeBundleMap('{"trust_domains":{}}').size, 0)
})

test('refuses a bundle map whole: a trust domain twice, a wrong name, one bundle that is wrong', () => {
  const good = bundleOf([root])
  const rows: readonly (readonly [text: string, reason: RegExp])[] = [
    [`{"trust_domains":{"a.example":${good},"a.example":${good}}}`, /twice/],
    [`{"trust_domains":{"a.example":${good},"\\u0061.example":${good}}}`, /twice/],
    [`{"trust_domains":{"a.example":${good},"B":${good}}}`, /no trust domain, as entry 2/],
    [`{"trust_domains":{"a.example":${good},"b.example":{}}}`, /no list of keys, of entry 2/],
    [`{"trust_domains":{"a.example":[]}}`, /no object, of entry 1/],
    ['{}', /no trust_domains/],
    ['{"trust_domains":[]}', /no trust_domains/],
    [
      JSON.stringify({ trust_domains: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d${i}`, { keys: [] }])) }),
      /more than 1000/,
    ],
  ]
  for (const [text, reason] of rows)
    assert.match(
      refusal(() => parseSpiffeBundleMap(text)),
      reason,
    )
})
