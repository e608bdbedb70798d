import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import { createSigner } from './signer.js'
import { claims, createSurroundings, ISSUER, optionsFor, statusOf, type TestSurroundings } from './surroundings.js'

const signer = createSigner()
const JWKS_URI = 'https://keys.example/jwks'

type Answers = Record<string, () => Response>

/** An issuer and its answers by URL. */
function createIssuer(
  issuer: string,
  answers: Answers,
  keys: JwtOptions['keys'] = { discover: true },
): {
  readonly surroundings: TestSurroundings
  readonly asked: string[]
  status(jti?: string): Promise<string>
} {
  const asked: string[] = []
  const surroundings = createSurroundings(async (input, init) => {
    const url = String(input)
    asked.push(url)
    assert.equal(init?.redirect, 'manual')
    return answers[url]?.() ?? new Response('', { status: 404 })
  })
  const verifier = createTokenVerifier(optionsFor([], { issuer, keys }), surroundings)
  return { surroundings, asked, status: (jti = 'j-1') => statusOf(verifier, signer.sign(claims({ iss: issuer, jti }))) }
}

const jwks = (): Response => Response.json({ keys: [signer.jwk] })
const metadata =
  (issuer: string, more: object = {}): (() => Response) =>
  () =>
    Response.json({ issuer, jwks_uri: JWKS_URI, ...more })

const PLACES = [
  ['https://issuer.example', 'https://issuer.example/.well-known/oauth-authorization-server'],
  ['https://issuer.example/', 'https://issuer.example/.well-known/oauth-authorization-server'],
  ['https://issuer.example/tenant/a', 'https://issuer.example/.well-known/oauth-authorization-server/tenant/a'],
  ['https://issuer.example/tenant/', 'https://issuer.example/.well-known/oauth-authorization-server/tenant'],
  ['https://issuer.example:8443/t', 'https://issuer.example:8443/.well-known/oauth-authorization-server/t'],
] as const

for (const [issuer, url] of PLACES) {
  test(`finds the keys of ${issuer} by its metadata`, async () => {
    const { status, asked } = createIssuer(issuer, { [url]: metadata(issuer), [JWKS_URI]: jwks })
    assert.equal(await status(), 'ok')
    assert.deepEqual(asked, [url, JWKS_URI])
  })
}

test('finds the keys of an OpenID provider by the metadata behind its path', async () => {
  const issuer = 'https://issuer.example/tenant'
  const url = `${issuer}/.well-known/openid-configuration`
  const { status } = createIssuer(issuer, { [url]: metadata(issuer), [JWKS_URI]: jwks }, { discover: 'openid-configuration' })
  assert.equal(await status(), 'ok')
})

const PLACE = `${ISSUER}/.well-known/oauth-authorization-server`
const WRONG: Record<string, () => Response> = {
  'another issuer': metadata('https://evil.example'),
  'an issuer that differs in a slash': metadata(`${ISSUER}/`),
  'an issuer in other letters': metadata(ISSUER.toUpperCase()),
  'no issuer': () => Response.json({ jwks_uri: JWKS_URI }),
  'no jwks_uri': () => Response.json({ issuer: ISSUER }),
  'a jwks_uri of plain http': metadata(ISSUER, { jwks_uri: 'http://keys.example/jwks' }),
  'a jwks_uri on this machine': metadata(ISSUER, { jwks_uri: 'http://127.0.0.1/jwks' }),
  'a jwks_uri on this machine, encrypted': metadata(ISSUER, { jwks_uri: 'https://localhost/jwks' }),
  'a jwks_uri with a password': metadata(ISSUER, { jwks_uri: 'https://a:b@keys.example/jwks' }),
  'a jwks_uri of a file': metadata(ISSUER, { jwks_uri: 'file:///etc/passwd' }),
  'a jwks_uri that is a list': metadata(ISSUER, { jwks_uri: [JWKS_URI] }),
  'an issuer that stands twice': () => new Response(`{"issuer":"https://evil.example","issuer":"${ISSUER}","jwks_uri":"${JWKS_URI}"}`),
  'a list': () => Response.json([]),
  'what is no JSON': () => new Response('<html>'),
  'a redirect': () => new Response('', { status: 302, headers: { location: 'https://evil.example/' } }),
  'an error': () => new Response('', { status: 500 }),
  'far too much': () => new Response(' '.repeat(65 * 1024) + JSON.stringify({ issuer: ISSUER, jwks_uri: JWKS_URI })),
}

for (const [flaw, answer] of Object.entries(WRONG)) {
  test(`asks nobody for keys where the metadata has ${flaw}`, async () => {
    const { status, asked } = createIssuer(ISSUER, { [PLACE]: answer, [JWKS_URI]: jwks })
    assert.equal(await status(), 'ERR_KEYS_UNAVAILABLE')
    assert.deepEqual(asked, [PLACE])
  })
}

test('reads the metadata again once it is as old as keys may be, and follows the keys to a new place', async () => {
  const [moved, answers] = ['https://keys.example/moved', { [PLACE]: metadata(ISSUER), [JWKS_URI]: jwks } as Answers]
  const { status, asked, surroundings } = createIssuer(ISSUER, answers, { discover: true, maxAgeSeconds: 60 })
  assert.equal(await status(), 'ok')
  answers[PLACE] = metadata(ISSUER, { jwks_uri: moved })
  answers[moved] = jwks
  surroundings.advanceSeconds(60)
  assert.equal(await status(), 'ok')
  assert.deepEqual(asked, [PLACE, JWKS_URI, PLACE, moved])
})

test('goes on with the place it knows where the metadata cannot be had', async () => {
  const answers: Answers = { [PLACE]: metadata(ISSUER), [JWKS_URI]: jwks }
  const { status, asked, surroundings } = createIssuer(ISSUER, answers, { discover: true, maxAgeSeconds: 60 })
  assert.equal(await status(), 'ok')
  delete answers[PLACE]
  surroundings.advanceSeconds(60)
  assert.equal(await status(), 'ok')
  assert.deepEqual(asked, [PLACE, JWKS_URI, PLACE, JWKS_URI])
})

test('an issuer that can have no metadata is refused at construction', () => {
  const wrong = { code: 'ERR_OPTION_INVALID', option: 'jwt.keys.discover' }
  for (const issuer of [
    'http://issuer.example',
    'https://issuer.example?a=b',
    'https://issuer.example#a',
    'https://issuer.example?',
    'issuer',
    'spiffe://prod.example',
  ])
    assert.throws(() => createIssuer(issuer, {}), wrong)
  for (const discover of [false, null, 'oidc', {}])
    assert.throws(() => createIssuer(ISSUER, {}, JSON.parse(JSON.stringify({ discover }))), wrong)
  assert.throws(() => createIssuer(ISSUER, {}, JSON.parse('{"discover":true,"jwksUri":"https://x.example"}')), { option: 'jwt.keys' })
})

test('finds the keys of an issuer on this machine over a real connection', async (t) => {
  const server = createServer((request, response) => {
    const issuer = `http://127.0.0.1:${request.socket.localPort}`
    const document = request.url === '/jwks' ? { keys: [signer.jwk] } : { issuer, jwks_uri: `${issuer}/jwks` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const issuer = `http://127.0.0.1:${address.port}`
  const verifier = createTokenVerifier(optionsFor([], { issuer, keys: { discover: true } }), createSurroundings(fetch))
  assert.equal(await statusOf(verifier, signer.sign(claims({ iss: issuer }))), 'ok')
})
