import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createTokenSigner } from '@countersign/issuer'
import { countersign, createGuard } from '@countersign/node'
import type { DpopOptions, JwtOptions } from '@countersign/token'
import { calculateJwkThumbprint, exportJWK, generateKeyPair as joseKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'

const ISSUER = 'https://issuer.example'

interface Stage {
  readonly origin: string
  /** The service's clock is so far ahead. */
  ahead: { ms: number }
  /** A token that is bound to the key with this thumbprint. */
  tokenFor(jkt: string): string
}

/** A guarded service over plain HTTP, as its one origin. */
async function serve(t: TestContext, dpop: Partial<DpopOptions> = {}, binding: JwtOptions['binding'] = 'dpop'): Promise<Stage> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ahead = { ms: 0 }
  const signer = createTokenSigner({ issuer: ISSUER })
  const guard = createGuard({
    mtls: null,
    jwt: {
      issuer: ISSUER,
      audience: 'billing',
      keys: { jwks: signer.jwks().keys },
      binding: binding ?? 'dpop',
      dpop: { origins: origin, ...dpop },
    },
    authorize: 'any-authenticated',
    audit: null,
    limit: null,
    runtime: { clock: { nowMs: () => Date.now() + ahead.ms } },
  })
  server.on(
    'request',
    countersign(guard, (req, res) => res.end(guard.principal(req).id)),
  )
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await guard.close()
  })
  const exp = Math.floor(Date.now() / 1000) + 600
  return {
    origin,
    ahead,
    tokenFor: (jkt) => signer.signExactly({ iss: ISSUER, aud: 'billing', sub: 'alice', exp, cnf: { jkt } }),
  }
}

for (const algorithm of ['ES256', 'PS256', 'RS256', 'Ed25519'] as const) {
  test(`lets a client of oauth4webapi with an ${algorithm} key in, on each of its requests`, async (t) => {
    const stage = await serve(t)
    const keyPair = await oauth.generateKeyPair(algorithm)
    const handle = oauth.DPoP({}, keyPair)
    const token = stage.tokenFor(await handle.calculateThumbprint())
    for (const path of ['/', '/invoices/7?page=2', '/caf%C3%A9'])
      for (const method of ['GET', 'POST']) assert.equal(await ask(stage, token, handle, path, method), 'alice')
  })
}

test('sends such a client round once for its nonce, and hands it the next one with an answer', async (t) => {
  const stage = await serve(t, { nonce: { rotateSeconds: 10 } })
  const handle = oauth.DPoP({}, await oauth.generateKeyPair('ES256'))
  const token = stage.tokenFor(await handle.calculateThumbprint())
  await assert.rejects(ask(stage, token, handle), (error) => {
    assert.ok(error instanceof oauth.WWWAuthenticateChallengeError)
    assert.ok(oauth.isDPoPNonceError(error))
    assert.equal(error.status, 401)
    const [challenge] = error.cause
    assert.equal(challenge?.scheme, 'dpop')
    assert.equal(challenge.parameters['error'], 'use_dpop_nonce')
    assert.match(challenge.parameters['algs'] ?? '', /\bES256\b/)
    return true
  })
  assert.equal(await ask(stage, token, handle), 'alice')
  for (let rotation = 0; rotation < 4; rotation++) {
    stage.ahead.ms += 10_000
    assert.equal(await ask(stage, token, handle), 'alice')
  }
})

test('tells a client that sends its token as a bearer token which scheme to use', async (t) => {
  const stage = await serve(t, {}, 'if-bound')
  const handle = oauth.DPoP({}, await oauth.generateKeyPair('ES256'))
  const token = stage.tokenFor(await handle.calculateThumbprint())
  await assert.rejects(ask(stage, token, undefined), (error) => {
    assert.ok(error instanceof oauth.WWWAuthenticateChallengeError)
    assert.deepEqual(
      error.cause.map(({ scheme, parameters }) => [scheme, parameters['error'], parameters['algs']?.split(' ')[0]]),
      [
        ['bearer', 'invalid_token', undefined],
        ['dpop', undefined, 'ES256'],
      ],
    )
    return true
  })
})

test('lets one of a hundred copies of a request in, that come at once', async (t) => {
  const stage = await serve(t)
  const { origin } = stage
  const { token, proof } = await joseRequest(stage, `${origin}/`)
  const headers = { authorization: `DPoP ${token}`, dpop: proof }
  const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(origin, { headers })))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^DPoP .*error="invalid_dpop_proof"/)
    assert.equal(((await answer.json()) as { code: string }).code, 'ERR_PROOF_REPLAYED')
  }
})

test('takes a proof of jose for its own origin, whatever host the request names, and none for another', async (t) => {
  const stage = await serve(t)
  for (const [htu, status] of [
    [`${stage.origin}/`, 200],
    ['http://evil.example/', 401],
    ['https://evil.example/', 401],
  ] as const) {
    const { token, proof } = await joseRequest(stage, htu)
    const headers = { authorization: `DPoP ${token}`, dpop: proof, host: 'evil.example', 'x-forwarded-host': 'evil.example' }
    assert.equal(await statusWith(stage.origin, headers), status, htu)
  }
})

async function ask({ origin }: Stage, token: string, handle: oauth.DPoPHandle | undefined, path = '/', method = 'GET'): Promise<string> {
  const answer = await oauth.protectedResourceRequest(token, method, new URL(path, origin), undefined, null, {
    ...(handle === undefined ? {} : { DPoP: handle }),
    [oauth.allowInsecureRequests]: true,
  })
  assert.equal(answer.status, 200)
  return answer.text()
}

async function joseRequest(stage: Stage, htu: string): Promise<{ readonly token: string; readonly proof: string }> {
  const { publicKey, privateKey } = await joseKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const token = stage.tokenFor(await calculateJwkThumbprint(jwk))
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  const proof = await new SignJWT({ htm: 'GET', htu, ath: Buffer.from(hash).toString('base64url') })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .sign(privateKey)
  return { token, proof }
}

/** `fetch` does not let anybody say another host. */
function statusWith(origin: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(origin, { headers }, (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end()
  })
}
