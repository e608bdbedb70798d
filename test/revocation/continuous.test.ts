import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CertificateRevocationOptions } from '@countersign/x509'
import { type AuthorityServer, sends, startAuthorityServer } from './authority-server.js'
import { createOpensslAuthority } from './openssl-authority.js'
import { callerOver, guardFor, WAYS } from './service.js'

const authority = createOpensslAuthority('continuous')
const responder = authority.issueResponder('responder', 'OCSPSigning')
const billing = authority.issue('billing')
let callers = 0

/** How a service may hear of revocations. */
const SOURCES: Readonly<Record<string, (server: AuthorityServer) => CertificateRevocationOptions>> = {
  'a CRL behind a URL': ({ port }) => ({ crl: { urls: [`http://127.0.0.1:${port}/ca.crl`], refreshSeconds: 1 } }),
  'a CRL at a distribution point': ({ port }) => ({ crl: { distributionPoints: { hosts: [`127.0.0.1:${port}`] }, refreshSeconds: 1 } }),
  OCSP: ({ port }) => ({ ocsp: { hosts: [`127.0.0.1:${port}`] } }),
}

async function serverOf(t: TestContext): Promise<AuthorityServer> {
  const server = await startAuthorityServer(t)
  server.crl = sends(() => authority.crl())
  server.ocsp = sends((body) => authority.answer(body, responder))
  return server
}

for (const [source, revocationBy] of Object.entries(SOURCES)) {
  for (const way of WAYS) {
    test(`refuses the next request over ${way} once the certificate was revoked, told by ${source}`, async (t) => {
      const server = await serverOf(t)
      const caller = authority.issue(`caller-${++callers}`, server.places)
      const guarded = guardFor(t, authority, revocationBy(server))
      await guarded.guard.ready()
      const send = await callerOver(t, way, guarded, authority, billing, caller)
      assert.equal(await send(), caller.id)
      assert.equal(await send(), caller.id)

      authority.revoke(caller)
      guarded.recorder.clear()
      if (source === 'OCSP') {
        // Late in the five minutes of the answer, so that the next request asks for a newer one beside it.
        guarded.clock.advanceSeconds(270)
        assert.equal(await send(), caller.id)
      }
      await guarded.recorder.waitFor(({ kind }) => kind === 'trust.reloaded')
      assert.equal(await send(), 'ERR_PEER_REVOKED')
      assert.equal(await send(), 'ERR_PEER_REVOKED')
    })
  }
}

test('lets open connections go on while the authority is down, until its last list has run out', async (t) => {
  const server = await serverOf(t)
  const caller = authority.issue('patient', server.places)
  const guarded = guardFor(t, authority, { crl: { urls: [`http://127.0.0.1:${server.port}/ca.crl`], refreshSeconds: 1 } })
  await guarded.guard.ready()
  const send = await callerOver(t, 'an open HTTP/1.1 connection', guarded, authority, billing, caller)
  assert.equal(await send(), caller.id)
  server.crl = (res) => res.socket?.destroy()
  await guarded.recorder.waitFor(({ kind }) => kind === 'trust.reload-failed')
  assert.equal(await send(), caller.id)
  guarded.clock.advanceSeconds(86_400 + 60)
  assert.equal(await send(), 'ERR_UNAVAILABLE')
  assert.equal(guarded.recorder.codes().at(-1), 'ERR_PEER_REVOCATION_UNKNOWN')
})
