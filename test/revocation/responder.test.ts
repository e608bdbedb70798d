import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { createOcspRequest, type OcspOptions, verifyCrl, verifyOcspResponse } from '@countersign/x509'
import { type Answer, type AuthorityServer, sends, startAuthorityServer, useless } from './authority-server.js'
import { type Credential, createOpensslAuthority } from './openssl-authority.js'
import { callerOver, callOnce, type Guarded, guardFor } from './service.js'

const authority = createOpensslAuthority('responder')
const stranger = createOpensslAuthority('stranger')
const delegate = authority.issueResponder('delegate', 'OCSPSigning')
const signer = authority.issueResponder('signer', 'codeSigning')
const foreign = stranger.issueResponder('foreign', 'OCSPSigning')
const billing = authority.issue('billing')
let callers = 0

interface Scene {
  readonly server: AuthorityServer
  readonly caller: Credential
  readonly guarded: Guarded
}

async function scene(t: TestContext, ocsp: Answer, options: Partial<OcspOptions> = {}): Promise<Scene> {
  const server = await startAuthorityServer(t)
  server.ocsp = ocsp
  const caller = authority.issue(`caller-${++callers}`, server.places)
  const guarded = guardFor(t, authority, { ocsp: { hosts: [`127.0.0.1:${server.port}`], ...options }, timeoutMs: 300 })
  return { server, caller, guarded }
}

/** The reason in the log. The caller is told no more than that the service is not available. */
function reasonIn({ recorder }: Guarded): unknown {
  const denied = recorder.of('request.denied').at(-1)
  assert.equal(denied?.code, 'ERR_PEER_REVOCATION_UNKNOWN')
  return denied?.facts?.['reason']
}

for (const [claim, who] of [
  ['the CA itself', authority.ca],
  ['a responder that the CA certified', delegate],
] as const) {
  test(`believes ${claim}, as openssl answers, and asks once`, async (t) => {
    const { server, caller, guarded } = await scene(
      t,
      sends((body) => authority.answer(body, who)),
      { nonce: 'require' },
    )
    assert.equal(await callOnce(t, guarded, authority, billing, caller), caller.id)
    assert.equal(await callOnce(t, guarded, authority, billing, caller), caller.id)
    assert.deepEqual(server.asked, ['/ocsp'])
    authority.revoke(caller)
    const later = guardFor(t, authority, { ocsp: { hosts: [`127.0.0.1:${server.port}`] } })
    assert.equal(await callOnce(t, later, authority, billing, caller), 'ERR_PEER_REVOKED')
  })
}

test('knows every way in which openssl writes an answer', async (t) => {
  for (const flags of [['-nmin', '5', '-resp_key_id'], ['-ndays', '1'], ['-rmd', 'sha512', '-nmin', '1'], []]) {
    const { caller, guarded } = await scene(
      t,
      sends((body) => authority.answer(body, delegate, flags)),
      { hash: 'sha256' },
    )
    assert.equal(await callOnce(t, guarded, authority, billing, caller), caller.id, flags.join(' '))
  }
})

const unbelievable: readonly (readonly [claim: string, answer: (body: Uint8Array) => Uint8Array, reason: string])[] = [
  ['forged', (body) => authority.answer(body, delegate, ['-nmin', '5', '-badsig']), 'unverified'],
  ['signed by a certificate of the CA that is for something else', (body) => authority.answer(body, signer), 'unverified'],
  ['signed by the responder of another CA', (body) => authority.answer(body, foreign), 'unverified'],
  ['without the certificate of its responder', (body) => authority.answer(body, delegate, ['-nmin', '5', '-resp_no_certs']), 'unverified'],
  ['of a CA that does not know the certificate', (body) => stranger.answer(body, foreign), 'unverified'],
  ['signed with SHA-1', (body) => authority.answer(body, delegate, ['-nmin', '5', '-rmd', 'sha1']), 'unverified'],
]
for (const [claim, answer, reason] of unbelievable) {
  test(`refuses a caller with 503 where the answer is ${claim}`, async (t) => {
    const { caller, guarded } = await scene(t, sends(answer))
    assert.equal(await callOnce(t, guarded, authority, billing, caller), 'ERR_UNAVAILABLE')
    assert.equal(reasonIn(guarded), reason)
  })
}

test('refuses an answer to another question that is sent again', async (t) => {
  let kept: Uint8Array | null = null
  const { server, caller, guarded } = await scene(
    t,
    sends((body) => (kept ??= authority.answer(body, delegate))),
  )
  assert.equal(await callOnce(t, guarded, authority, billing, caller), caller.id)
  const later = guardFor(t, authority, { ocsp: { hosts: [`127.0.0.1:${server.port}`] } })
  assert.equal(await callOnce(t, later, authority, billing, caller), 'ERR_UNAVAILABLE')
  assert.equal(reasonIn(later), 'unverified')
})

test('refuses an answer that has run out', async (t) => {
  const { caller, guarded } = await scene(
    t,
    sends((body) => authority.answer(body, delegate, ['-nmin', '1'])),
  )
  guarded.clock.advanceSeconds(60 + 60)
  assert.equal(await callOnce(t, guarded, authority, billing, caller), 'ERR_UNAVAILABLE')
  assert.equal(reasonIn(guarded), 'unverified')
})

for (const [claim, answer] of Object.entries(useless)) {
  test(`refuses a new caller with 503 and keeps a known one where the responder ${claim}`, async (t) => {
    const { server, caller, guarded } = await scene(
      t,
      sends((body) => authority.answer(body, delegate)),
    )
    const send = await callerOver(t, 'an open HTTP/1.1 connection', guarded, authority, billing, caller)
    assert.equal(await send(), caller.id)
    server.ocsp = answer
    const late = authority.issue(`late-${callers}`, server.places)
    assert.equal(await callOnce(t, guarded, authority, billing, late), 'ERR_UNAVAILABLE')
    reasonIn(guarded)
    assert.equal(await send(), caller.id)
    // Until what is known of it has run out.
    guarded.clock.advanceSeconds(300 + 60)
    assert.equal(await send(), 'ERR_UNAVAILABLE')
    assert.ok(!server.asked.includes('/elsewhere'))
  })
}

test('is answered by openssl as an HTTP server', async (t) => {
  const caller = authority.issue('by-openssl')
  const asking = (port: string): Guarded => guardFor(t, authority, { ocsp: { url: `http://127.0.0.1:${port}/`, nonce: 'require' } })
  assert.equal(await callOnce(t, asking(await startOpenssl(t)), authority, billing, caller), caller.id)
  authority.revoke(caller)
  // Another process, since one that runs reads its index again only after the next request.
  assert.equal(await callOnce(t, asking(await startOpenssl(t)), authority, billing, caller), 'ERR_PEER_REVOKED')
})

/** The port of an `openssl ocsp` that ends with the test. */
function startOpenssl(t: TestContext): Promise<string> {
  const files = ['-rsigner', delegate.certFile, '-rkey', delegate.keyFile]
  const openssl = spawn('openssl', [...authority.responderArguments, ...files], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(async () => {
    const gone = once(openssl, 'exit')
    openssl.kill()
    await gone
  })
  return new Promise((resolve) => {
    let told = ''
    openssl.stdout.on('data', (chunk) => {
      told += chunk
      const [, port] = /ACCEPT \S+:(\d+)/.exec(told) ?? []
      if (port !== undefined) resolve(port)
    })
  })
}

test('verifies what openssl writes, without a guard', () => {
  const caller = authority.issue('bare')
  const request = createOcspRequest({ certificate: caller.cert, issuer: authority.ca.cert })
  assert.ok(!('refused' in request))
  const verdict = (response: Uint8Array): unknown => {
    const found = verifyOcspResponse({
      response,
      certificate: caller.cert,
      issuer: authority.ca.cert,
      time: new Date(),
      nonce: request.nonce,
      clockSkewSeconds: 5,
    })
    return 'refused' in found ? found.facts['reason'] : [found.status, found.signedBy]
  }
  const listed = (crl: string): unknown => {
    const found = verifyCrl({ crl, certificate: caller.cert, issuer: authority.ca.cert, time: new Date(), clockSkewSeconds: 5 })
    return 'refused' in found ? found.facts['reason'] : found.status
  }
  assert.deepEqual([verdict(authority.answer(request.der, delegate)), listed(authority.crl())], [['good', 'delegate'], 'good'])
  assert.deepEqual(verdict(authority.answer(request.der, authority.ca)), ['good', 'issuer'])
  assert.equal(verdict(authority.answer(request.der, signer)), 'responder')
  authority.revoke(caller)
  assert.deepEqual([verdict(authority.answer(request.der, delegate)), listed(authority.crl())], [['revoked', 'delegate'], 'revoked'])
  assert.equal(listed(stranger.crl()), 'issuer')
})
