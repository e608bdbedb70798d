import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { dpopProof, dpopRequest, hashOf, ORIGIN, publicJwk, request, thumbprintOf, withOtherSignature } from '../requests.js'
import { createSigner, encode } from '../signer.js'
import { bearer, claims, judge, NOW, optionsFor, peerWith, settledStatus, statusOf, THUMBPRINT, verified } from '../surroundings.js'
import { createDpopBench } from './bench.js'

for (const algorithm of ['ES256', 'PS256', 'RS256', 'Ed25519', 'EdDSA']) {
  test(`accepts a ${algorithm} proof of the key that the token is bound to, and refuses it under another signature`, async () => {
    const { key, token, verifier } = createDpopBench({}, {}, algorithm)
    const proof = dpopProof(key, token)
    assert.equal(await settledStatus(verifier, dpopRequest(token, withOtherSignature(proof))), 'ERR_PROOF_SIGNATURE')
    const found = await verified(verifier, dpopRequest(token, proof))
    assert.equal(found.boundToKey, thumbprintOf(key))
    assert.equal(found.boundTo, null)
  })
}

test('demands a proof on each request, though it knows the token', async () => {
  const { key, token, verifier } = createDpopBench()
  const first = await verified(verifier, dpopRequest(token, dpopProof(key, token)))
  const again = dpopRequest(token, dpopProof(key, token))
  assert.equal(verifier.recall(again), undefined)
  assert.equal(await verified(verifier, again), first)
  assert.equal(await settledStatus(verifier, request({ authorization: `DPoP ${token}` })), 'ERR_PROOF_MISSING')
  assert.equal(await settledStatus(verifier, dpopRequest(token, withOtherSignature(dpopProof(key, token)))), 'ERR_PROOF_SIGNATURE')
})

test('knows the scheme in other letters, and more than one space behind it', async () => {
  const { key, token, verifier } = createDpopBench()
  for (const authorization of [`dpop ${token}`, `DPOP   ${token}`])
    assert.equal(await settledStatus(verifier, request({ authorization, dpop: dpopProof(key, token) })), 'ok')
})

test('refuses each proof that is not what it should be with its own code, and takes the same proof once mended', async (t) => {
  const { key, token, verifier } = createDpopBench()
  const other = createSigner('ES256')
  const rsa = createSigner('RS256')
  const proof = (more: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string => dpopProof(key, token, more, header)
  const good = proof()
  const [head = '', payload = '', signature = ''] = good.split('.')
  const privateJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const hugeExponent = { ...publicJwk(rsa), e: encode(Buffer.alloc(256, 255)) }
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })

  const rows: readonly (readonly [name: string, proof: string | readonly string[], code: string])[] = [
    // RFC 9449 §4.3, check 1 and 2
    ['two fields', [good, good], 'ERR_PROOF_REPEATED'],
    ['two proofs in one field', `${good}, ${good}`, 'ERR_PROOF_MALFORMED'],
    ['1 MiB', `${'x'.repeat(1_048_576)}.y.z`, 'ERR_PROOF_TOO_LARGE'],
    ['nothing', '', 'ERR_PROOF_MALFORMED'],
    ['two segments', `${head}.${payload}`, 'ERR_PROOF_MALFORMED'],
    ['five segments, a JWE', 'a.b.c.d.e', 'ERR_PROOF_MALFORMED'],
    ['base64url with padding', `${head}.${payload}=.${signature}`, 'ERR_PROOF_MALFORMED'],
    ['a header that is no JSON', `${encode('{')}.${payload}.${signature}`, 'ERR_PROOF_MALFORMED'],
    ['a member twice', key.signText('{"typ":"dpop+jwt","alg":"ES256","alg":"ES256","jwk":{}}', '{}'), 'ERR_PROOF_MALFORMED'],
    ['claims that are a list', key.signText(JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: {} }), '[]'), 'ERR_PROOF_MALFORMED'],
    ['no signature', `${head}.${payload}.`, 'ERR_PROOF_MALFORMED'],
    ['a critical extension', proof({}, { crit: ['exp'], exp: NOW }), 'ERR_PROOF_MALFORMED'],
    ['an unencoded payload', proof({}, { b64: false }), 'ERR_PROOF_MALFORMED'],
    // 3
    ['no jti', proof({ jti: undefined }), 'ERR_PROOF_CLAIM'],
    ['an empty jti', proof({ jti: '' }), 'ERR_PROOF_CLAIM'],
    ['a jti that is a number', proof({ jti: 7 }), 'ERR_PROOF_CLAIM'],
    ['an oversized jti', proof({ jti: 'j'.repeat(257) }), 'ERR_PROOF_CLAIM'],
    ['no htm', proof({ htm: undefined }), 'ERR_PROOF_CLAIM'],
    ['no htu', proof({ htu: undefined }), 'ERR_PROOF_CLAIM'],
    ['an htu that is a list', proof({ htu: [`${ORIGIN}/invoices/7`] }), 'ERR_PROOF_CLAIM'],
    ['no iat', proof({ iat: undefined }), 'ERR_PROOF_CLAIM'],
    ['an iat that is a text', proof({ iat: String(NOW) }), 'ERR_PROOF_CLAIM'],
    ['no ath', proof({ ath: undefined }), 'ERR_PROOF_CLAIM'],
    ['a nonce that is a number', proof({ nonce: 7 }), 'ERR_PROOF_CLAIM'],
    ['an exp that is a text', proof({ exp: 'soon' }), 'ERR_PROOF_CLAIM'],
    // 4
    ['no typ', proof({}, { typ: undefined }), 'ERR_PROOF_TYPE'],
    ['typ of an access token', proof({}, { typ: 'at+jwt' }), 'ERR_PROOF_TYPE'],
    ['typ JWT', proof({}, { typ: 'JWT' }), 'ERR_PROOF_TYPE'],
    // 5
    ['alg none', `${encode(JSON.stringify({ typ: 'dpop+jwt', alg: 'none', jwk: publicJwk(key) }))}.${payload}.`, 'ERR_PROOF_ALGORITHM'],
    ['alg nOnE', proof({}, { alg: 'nOnE' }), 'ERR_PROOF_ALGORITHM'],
    ['a MAC', proof({}, { alg: 'HS256' }), 'ERR_PROOF_ALGORITHM'],
    ['an algorithm that is not configured', proof({}, { alg: 'ES384' }), 'ERR_PROOF_ALGORITHM'],
    ['an algorithm of another kind of key', proof({}, { alg: 'RS256' }), 'ERR_PROOF_ALGORITHM'],
    ['alg that is a number', proof({}, { alg: 7 }), 'ERR_PROOF_MALFORMED'],
    // 6
    ['another signature', withOtherSignature(good), 'ERR_PROOF_SIGNATURE'],
    ['other claims than were signed', `${head}.${proof().split('.')[1]}.${signature}`, 'ERR_PROOF_SIGNATURE'],
    ['signed by another key than its own', dpopProof(other, token, {}, { jwk: publicJwk(key) }), 'ERR_PROOF_SIGNATURE'],
    // 7
    ['no key', proof({}, { jwk: undefined }), 'ERR_PROOF_KEY'],
    ['a key that is a text', proof({}, { jwk: 'key' }), 'ERR_PROOF_KEY'],
    ['a private key', proof({}, { jwk: privateJwk }), 'ERR_PROOF_KEY'],
    ['a symmetric key', proof({}, { jwk: { kty: 'oct', k: 'c2VjcmV0' } }), 'ERR_PROOF_KEY'],
    ['a key of another curve', proof({}, { jwk: { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' } }), 'ERR_PROOF_KEY'],
    ['a point that is not on its curve', proof({}, { jwk: { ...publicJwk(key), y: publicJwk(key)['x'] } }), 'ERR_PROOF_KEY'],
    ['a key for encryption', proof({}, { jwk: { ...publicJwk(key), use: 'enc' } }), 'ERR_PROOF_KEY'],
    ['an RSA key with a huge exponent', dpopProof(rsa, token, {}, { jwk: hugeExponent }), 'ERR_PROOF_KEY'],
    ['an RSA key of 1024 bits', dpopProof(rsa, token, {}, { jwk: small }), 'ERR_PROOF_KEY'],
    // 8 and 9
    ['another method', proof({ htm: 'POST' }), 'ERR_PROOF_METHOD'],
    ['the method in other letters', proof({ htm: 'get' }), 'ERR_PROOF_METHOD'],
    ['another path', proof({ htu: `${ORIGIN}/invoices/8` }), 'ERR_PROOF_TARGET'],
    ['the path in other letters', proof({ htu: `${ORIGIN}/Invoices/7` }), 'ERR_PROOF_TARGET'],
    ['a trailing slash', proof({ htu: `${ORIGIN}/invoices/7/` }), 'ERR_PROOF_TARGET'],
    ['another host', proof({ htu: 'https://evil.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['another scheme', proof({ htu: 'http://billing.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['another port', proof({ htu: 'https://billing.example:8443/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['a path alone', proof({ htu: '/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['a user in front of the host', proof({ htu: 'https://me@billing.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['backslashes for slashes', proof({ htu: 'https:\\\\billing.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['a scheme without slashes', proof({ htu: 'https:billing.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['a line feed in the host', proof({ htu: 'https://billing.ex\nample/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['a space in front', proof({ htu: ` ${ORIGIN}/invoices/7` }), 'ERR_PROOF_TARGET'],
    ['an encoded slash', proof({ htu: `${ORIGIN}/invoices%2F7` }), 'ERR_PROOF_TARGET'],
    // 12
    ['another token', proof({ ath: hashOf('other') }), 'ERR_PROOF_TOKEN'],
    ['a hash that is cut', proof({ ath: hashOf(token).slice(1) }), 'ERR_PROOF_TOKEN'],
    ['another key', dpopProof(other, token), 'ERR_PROOF_BINDING'],
  ]
  for (const [name, sent, code] of rows)
    await t.test(name, async () => assert.equal(await settledStatus(verifier, dpopRequest(token, sent)), code))
  assert.equal(await settledStatus(verifier, dpopRequest(token, good)), 'ok')
})

test('compares htu by its one spelling, and without query and fragment', async () => {
  const { key, token, verifier } = createDpopBench({ origins: ['https://billing.example', 'https://Billing.Internal:8443'] })
  const status = (htu: string, target: string): Promise<string> =>
    settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { htu }), { target }))
  for (const [htu, target] of [
    ['https://billing.example/a', '/a?b=c'],
    ['https://billing.example/a?b=c#d', '/a'],
    ['HTTPS://BILLING.EXAMPLE:443/a', '/a'],
    ['https://billing.example:/a', '/a'],
    ['https://billing.example/%61/../%61', '/a'],
    ['https://billing.example/./a', '/a'],
    ['https://billing.example/caf%c3%a9', '/caf%C3%A9'],
    ['https://billing.example/%7Eme', '/~me'],
    ['https://billing.example', '/'],
    ['https://billing.example/', '/?x'],
    ['https://billing.internal:8443/a', '/a'],
    ['https://billing.example/a', 'https://anything.example/a?b'],
  ] as const)
    assert.equal(await status(htu, target), 'ok', `${htu} for ${target}`)
  for (const [htu, target] of [
    ['https://billing.example/A', '/a'],
    ['https://billing.internal/a', '/a'],
    ['https://billing.example/a%2Fb', '/a/b'],
    ['https://billing.example/*', '*'],
    ['https://billing.example/', '*'],
  ] as const)
    assert.equal(await status(htu, target), 'ERR_PROOF_TARGET', `${htu} for ${target}`)
})

test('takes nothing that the request says of its host for ours', async () => {
  const { key, token, verifier } = createDpopBench()
  const proof = dpopProof(key, token, { htu: 'https://evil.example/invoices/7' })
  const fields = {
    authorization: `DPoP ${token}`,
    dpop: proof,
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example;proto=https',
  }
  for (const target of ['/invoices/7', 'https://evil.example/invoices/7'])
    assert.equal(await settledStatus(verifier, request(fields, { target, authority: 'evil.example' })), 'ERR_PROOF_TARGET')
  const ours = { ...fields, dpop: dpopProof(key, token) }
  assert.equal(await settledStatus(verifier, request(ours, { authority: 'evil.example' })), 'ok')
})

test('judges iat by its window, to the second, and an exp where there is one', async () => {
  const { key, token, verifier } = createDpopBench()
  const status = (iat: number, more = {}): Promise<string> =>
    settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { iat, ...more })))
  assert.equal(await status(NOW - 59.9), 'ok')
  assert.equal(await status(NOW - 60), 'ERR_PROOF_EXPIRED')
  assert.equal(await status(NOW + 5), 'ok')
  assert.equal(await status(NOW + 6), 'ERR_PROOF_ISSUED_IN_FUTURE')
  assert.equal(await status(NOW, { exp: NOW - 6 }), 'ERR_PROOF_EXPIRED')
  assert.equal(await status(NOW, { exp: NOW + 1 }), 'ok')
  for (const iat of ['1e999', '-1e999']) {
    const [head = ''] = dpopProof(key, token).split('.')
    const proof = key.signText(
      Buffer.from(head, 'base64url').toString(),
      `{"jti":"j","htm":"GET","htu":"${ORIGIN}/invoices/7","iat":${iat},"ath":"${hashOf(token)}"}`,
    )
    assert.notEqual(await settledStatus(verifier, dpopRequest(token, proof)), 'ok')
  }
})

test('refuses a token that is bound to a key as a bearer token, with its proof or without it', async () => {
  const { key, token, verifier } = createDpopBench({}, { binding: 'if-bound' })
  assert.equal(await statusOf(verifier, token), 'ERR_TOKEN_BINDING')
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ok')
  assert.equal(await statusOf(verifier, token), 'ERR_TOKEN_BINDING')
  assert.equal(
    await settledStatus(verifier, request({ authorization: `Bearer ${token}`, dpop: dpopProof(key, token) })),
    'ERR_TOKEN_BINDING',
  )
})

test('refuses under DPoP a token that is bound to no key', async () => {
  const { issuer, key, verifier } = createDpopBench({}, { binding: 'if-bound' })
  for (const more of [{}, { cnf: { 'x5t#S256': THUMBPRINT } }]) {
    const token = issuer.sign(claims(more))
    assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ERR_TOKEN_UNBOUND')
  }
})

test('refuses the scheme where it is not configured, and for an issuer without it beside one with it', async () => {
  const { issuer, key, token, surroundings } = createDpopBench()
  const plain = createTokenVerifier(optionsFor([issuer]), surroundings)
  assert.equal(await settledStatus(plain, dpopRequest(token, dpopProof(key, token))), 'ERR_TOKEN_SCHEME')
  assert.equal(await statusOf(plain, token), 'ERR_TOKEN_BINDING')
  const other = createSigner('ES256', 'other')
  const two = createTokenVerifier(
    [optionsFor([issuer], { binding: 'dpop', dpop: { origins: ORIGIN } }), { ...optionsFor([other]), issuer: 'https://other.example' }],
    surroundings,
  )
  const others = other.sign(claims({ iss: 'https://other.example', cnf: { jkt: thumbprintOf(key) } }))
  assert.equal(await settledStatus(two, dpopRequest(others, dpopProof(key, others))), 'ERR_TOKEN_SCHEME')
  assert.equal(await settledStatus(two, dpopRequest(token, dpopProof(key, token))), 'ok')
})

test('demands both where a token is bound to a certificate and a key, whatever the options say', async () => {
  for (const binding of ['mtls', 'dpop', 'sender-constrained', 'if-bound'] as const) {
    const { issuer, key, verifier } = createDpopBench({}, { binding })
    const token = issuer.sign(claims({ cnf: { 'x5t#S256': THUMBPRINT, jkt: thumbprintOf(key), kid: 'not understood' } }))
    assert.equal(await statusOf(verifier, token), 'ERR_TOKEN_BINDING')
    const found = await verified(verifier, dpopRequest(token, dpopProof(key, token)))
    assert.equal(verifier.bind(found, peerWith(THUMBPRINT)), null)
    for (const peer of [null, peerWith(hashOf('another'))]) {
      const refusal = verifier.bind(found, peer)
      assert(isRefusal(refusal) && refusal.code === 'ERR_TOKEN_BINDING', binding)
    }
  }
})

test('takes what each word of binding says and nothing less', async () => {
  const kinds = ['none', 'certificate', 'key'] as const
  const taken = {
    mtls: ['certificate'],
    dpop: ['key'],
    'sender-constrained': ['certificate', 'key'],
    'if-bound': ['none', 'certificate', 'key'],
  } as const
  for (const [binding, kindsTaken] of Object.entries(taken) as [keyof typeof taken, readonly string[]][]) {
    const { issuer, key, verifier } = createDpopBench({}, { binding })
    const met = []
    for (const kind of kinds) {
      const cnf = kind === 'key' ? { jkt: thumbprintOf(key) } : kind === 'certificate' ? { 'x5t#S256': THUMBPRINT } : undefined
      const token = issuer.sign(claims({ cnf }))
      const found = await verified(verifier, kind === 'key' ? dpopRequest(token, dpopProof(key, token)) : bearer(token))
      const refusal = verifier.bind(found, peerWith(THUMBPRINT))
      assert.ok(refusal === null || refusal.code === 'ERR_TOKEN_UNBOUND')
      if (refusal === null) met.push(kind)
    }
    assert.deepEqual(met, kindsTaken, binding)
  }
})

test('refuses a confirmation that is none, and one that holds nothing that is understood', async () => {
  const { issuer, verifier } = createDpopBench({}, { binding: 'if-bound' })
  for (const [cnf, code] of [
    [{ jkt: 'short' }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ jkt: 7 }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ jkt: null, 'x5t#S256': THUMBPRINT }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ jwk: {} }, 'ERR_TOKEN_BINDING'],
    [{ kid: 'k' }, 'ERR_TOKEN_BINDING'],
  ] as const)
    assert.equal(await statusOf(verifier, issuer.sign(claims({ cnf }))), code)
})

test('judges a grant that outlives its request by the time of the token alone', async () => {
  const { key, token, surroundings, verifier } = createDpopBench()
  const found = await verified(verifier, dpopRequest(token, dpopProof(key, token)))
  surroundings.advanceSeconds(120)
  assert.equal(verifier.judge(found), null)
  surroundings.advanceSeconds(300)
  const late = verifier.judge(found)
  assert(isRefusal(late) && late.code === 'ERR_TOKEN_EXPIRED')
})

test('tells a bad token before a bad proof, and never asks the proof of a token that nobody signed', async () => {
  const { issuer, key, verifier } = createDpopBench()
  const cnf = { jkt: thumbprintOf(key) }
  const expired = issuer.sign(claims({ cnf, exp: NOW - 31 }))
  assert.equal(await settledStatus(verifier, dpopRequest(expired, 'garbage')), 'ERR_TOKEN_EXPIRED')
  const forged = withOtherSignature(issuer.sign(claims({ cnf })))
  assert.equal(await settledStatus(verifier, dpopRequest(forged, dpopProof(key, forged))), 'ERR_TOKEN_SIGNATURE')
})

test('counts a request once, whatever became of it', async () => {
  const { key, token, surroundings, verifier } = createDpopBench()
  await judge(verifier, dpopRequest(token, dpopProof(key, token)))
  await judge(verifier, dpopRequest(token, 'garbage'))
  await judge(verifier, dpopRequest(token, dpopProof(key, token)))
  assert.deepEqual(
    [...surroundings.counts],
    [
      ['ok', 2],
      ['ERR_PROOF_MALFORMED', 1],
    ],
  )
})
