import assert from 'node:assert/strict'
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { isRefusal, MisuseError, type Peer, type Surroundings } from '@countersign/core'
import { fakeInbound } from '@countersign/testing'
import { createTokenVerifier, verifyCompactJws } from '@countersign/token'
import { createTally, NO_HMAC, readVectors } from './jose-tally.js'

type Jwk = Readonly<Record<string, unknown>>

const ALL = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA']
const instrument = { add: () => {}, record: () => {} }
const surroundings: Surroundings = {
  clock: { nowMs: () => 1_800_000_000_000 },
  fetch: () => Promise.reject(new Error('no network')),
  recorder: { wants: () => false, record: () => true, close: () => Promise.resolve() },
  meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
}

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly comment: string
    readonly public?: { readonly keys: readonly Jwk[] }
    readonly private: { readonly keys: readonly Jwk[] }
    readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: string; readonly comment: string }[]
  }[]
}

test('gives the right verdict on every key set of Wycheproof', async () => {
  const tally = createTally('wycheproof/json_web_key_test.json')
  for (const { comment: group, public: publicKeys, private: privateKeys, tests } of readVectors<WycheproofFile>(
    'wycheproof/json_web_key_test.json',
  ).testGroups) {
    const { keys } = publicKeys ?? privateKeys
    for (const { tcId, jws, result, comment } of tests) {
      const accepted = !isRefusal(await verifyCompactJws(jws, { keys }, ALL))
      if (result === 'valid' && keys.every(({ kty }) => kty === 'oct')) {
        assert.equal(accepted, false)
        tally.skip(tcId, NO_HMAC)
      } else {
        tally.judge(tcId, accepted === (result === 'valid'), `${group}, ${comment}: must be ${result}`)
      }
    }
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [22, 4])
})

const COOKBOOK = [
  ['3_1.ec_public_key.json', true],
  ['3_2.ec_private_key.json', false],
  ['3_3.rsa_public_key.json', true],
  ['3_4.rsa_private_key.json', false],
  ['3_5.symmetric_key_mac_computation.json', false],
  ['3_6.symmetric_key_encryption.json', false],
] as const

test('takes the public keys of the JOSE cookbook, and none of the others', () => {
  const tally = createTally('jose-cookbook/jwk')
  for (const [file, usable] of COOKBOOK) {
    const jwk = readVectors<Jwk>(`jose-cookbook/jwk/${file}`)
    tally.judge(file, isTaken(jwk) === usable, usable ? 'is a public key' : 'is no public key')
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.equal(tally.ran, 6)
})

function isTaken(jwk: Jwk): boolean {
  try {
    createTokenVerifier({ issuer: 'https://issuer.example', audience: 'a', keys: { jwks: [jwk] } }, surroundings)
    return true
  } catch (error) {
    assert(error instanceof MisuseError, String(error))
    return false
  }
}

test('verifies with the cookbook’s public keys what its private keys have signed', async () => {
  for (const [secret, open, alg] of [
    ['3_2.ec_private_key.json', '3_1.ec_public_key.json', 'ES512'],
    ['3_4.rsa_private_key.json', '3_3.rsa_public_key.json', 'RS256'],
  ] as const) {
    const jwk = readVectors<Jwk>(`jose-cookbook/jwk/${secret}`)
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg, kid: jwk['kid'] })}.${encode({ from: 'the cookbook' })}`
    const key = createPrivateKey({ key: jwk, format: 'jwk' })
    const signature = sign(alg === 'ES512' ? 'sha512' : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    )
    const found = await verifyCompactJws(`${input}.${signature}`, { keys: [readVectors<Jwk>(`jose-cookbook/jwk/${open}`)] }, [alg])
    assert(!isRefusal(found), alg)
    assert.deepEqual(JSON.parse(Buffer.from(found.payload).toString()), { from: 'the cookbook' })
  }
})

test('binds a token to the certificate of RFC 8705, appendix A, by the thumbprint printed there', async () => {
  const { rfc8705 } = readVectors<{
    rfc8705: { appendixA: { certificatePem: string; 'x5t#S256': string; jwk: Jwk } }
  }>('rfc-examples/examples.json')
  const printed = rfc8705.appendixA['x5t#S256']
  const { raw } = new X509Certificate(rfc8705.appendixA.certificatePem)
  const computed = createHash('sha256').update(raw).digest('base64url')
  assert.equal(computed, printed)

  const jwk = readVectors<Jwk>('jose-cookbook/jwk/3_2.ec_private_key.json')
  const issuer = 'https://issuer.example'
  const verifier = createTokenVerifier(
    { issuer, audience: 'a', keys: { jwks: [readVectors<Jwk>('jose-cookbook/jwk/3_1.ec_public_key.json')] }, algorithms: ['ES512'] },
    surroundings,
  )
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: issuer, aud: 'a', sub: 's', exp: 1_800_000_300, cnf: { 'x5t#S256': printed } }
  const input = `${encode({ alg: 'ES512', typ: 'at+jwt', kid: jwk['kid'] })}.${encode(claims)}`
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const signature = sign('sha512', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  const token = await verifier.verify(fakeInbound({ fields: { authorization: `Bearer ${input}.${signature}` } }))
  assert(token !== null && !isRefusal(token))
  const peer = (thumbprint: string): Peer => ({ certificate: { 'x5t#S256': thumbprint } }) as Peer
  assert.equal(verifier.bind(token, peer(computed)), null)
  assert.equal(verifier.bind(token, peer(createHash('sha256').update('another').digest('base64url')))?.code, 'ERR_TOKEN_BINDING')
})
