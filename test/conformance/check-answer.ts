import assert from 'node:assert/strict'
import { type Code, catalogueEntry, DOCS_BASE, type SecurityEvent } from '@countersign/core'
import type { Handled } from './adapters.js'
import { type Answer, fieldOf } from './answer.js'
import type { Denied, Given, Granted } from './row.js'
import type { World } from './world.js'

/** A grant: the handler ran, once, and was told who it is. */
export function checkGranted(expected: Granted, answer: Answer, handled: readonly Handled[], world: World, given: Given): void {
  assert.equal(answer.status, 200, answer.body)
  assert.equal(handled.length, 1, 'the handler ran once')
  const [{ principal, current, fields: seen } = { principal: null, current: null, fields: [] }] = handled
  assert.ok(principal !== null, 'the handler knows who it is')
  assert.equal(current, principal, 'and so does whatever it calls')
  assert.equal(principal.id, expected.id)
  assert.deepEqual([...principal.evidence], [...expected.evidence])
  assert.equal(principal.anonymous, expected.evidence.length === 0)
  assert.equal(principal.subject?.value ?? null, expected.subject ?? null)
  assert.ok(Object.isFrozen(principal))

  const boundTo = expected.boundTo === undefined ? null : world.certificates.of(expected.boundTo)['x5t#S256']
  assert.equal(principal.token?.boundTo ?? null, boundTo)
  assert.equal(principal.token !== null && principal.token.boundToKey !== null, expected.keyProven === true)
  assert.equal(principal.assurance.tokenBound, boundTo !== null || expected.keyProven === true)
  assert.equal(principal.peer !== null, expected.evidence.includes('mtls'))
  assert.equal(principal.token !== null, expected.evidence.includes('jwt'))
  assert.equal(principal.apiKey !== null, expected.evidence.includes('api-key'))
  if (principal.peer !== null && given.certificate !== undefined) {
    const { certificate: kind, provenance } = expected.peer ?? { certificate: given.certificate, provenance: 'connection' }
    const { certificate, id } = principal.peer
    assert.equal(principal.peer.provenance, provenance)
    assert.equal(principal.assurance.provenance, provenance)
    assert.equal(id, expected.id)
    const sent = kind === null ? null : world.certificates.of(kind)
    assert.equal(certificate?.serialNumber, sent?.serialNumber)
    assert.equal(certificate?.['x5t#S256'], sent?.['x5t#S256'])
    if (certificate !== null && sent !== null) assert.deepEqual(Buffer.from(certificate.der), Buffer.from(sent.certificateDer))
  }
  assert.deepEqual(principal.session?.actors ?? null, expected.session?.actors ?? null)
  assert.deepEqual(principal.session === null ? null : [...principal.session.scopes], expected.session?.scopes ?? null)
  for (const name of expected.removed ?? []) assert.ok(!seen.includes(name), `the handler sees ${name}`)
  checkFields(answer, expected.headers)
}

/** A denial: the handler did not run, the precise code was written down, and the answer is this one, byte for byte. */
export function checkDenied(
  expected: Denied,
  answer: Answer,
  handled: readonly Handled[],
  codes: readonly unknown[],
  method: string,
): void {
  assert.deepEqual(codes, [expected.code])
  assert.equal(handled.length, 0, 'the handler did not run')
  assert.equal(answer.status, expected.status)
  const body = bodyOf(expected)
  assert.equal(answer.body, method === 'HEAD' ? '' : body)
  checkFields(answer, {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'WWW-Authenticate': expected.challenge ?? null,
    ...expected.headers,
  })
}

/** What the caller must not learn, and what must not be written down. */
export function checkSecrets(answer: Answer, events: readonly SecurityEvent[], given: Given, world: World): void {
  const sent = `${JSON.stringify(answer.headers)}${answer.body}`
  const written = JSON.stringify(
    events.map(({ cause, ...event }) => ({ ...event, cause: cause instanceof Error ? cause.name : typeof cause })),
  )
  for (const word of ['Conformance root', 'CN=', 'spiffe://', 'secret', 'stack', 'node_modules']) {
    assert.ok(!sent.includes(word) || given.preset === 'details-exposed', `the answer holds ${word}`)
  }
  assert.ok(!written.includes('SECRET-rubbish'), 'the log holds what somebody sent')
  const key = given.apiKey === undefined ? '' : (world.keys.of(given.apiKey).split('_')[2] ?? '')
  assert.ok(key === '' || !`${sent}${written}`.includes(key), 'the answer or the log holds the key')
  const credentials = given.proof === undefined ? [] : world.proofs.of(given.proof).map(([, value]) => value)
  if (given.token !== undefined) credentials.push(world.tokens.of(given.token))
  for (const credential of credentials) {
    const signature = credential.split('.').at(-1) ?? ''
    if (signature.length < 20) continue
    assert.ok(!sent.includes(signature), 'the answer holds the token')
    assert.ok(!written.includes(signature), 'the log holds the token')
  }
}

function bodyOf({ code, sent = code, status, members = '', type = `${DOCS_BASE}${sent}` }: Denied): string {
  return `{"type":"${type}","title":"${titleOf(sent)}","status":${status},"code":"${sent}"${members}}`
}

function titleOf(code: Code): string {
  return catalogueEntry(code).title
}

function checkFields(answer: Answer, fields: Readonly<Record<string, string | null>> = {}): void {
  for (const [name, value] of Object.entries(fields)) assert.equal(fieldOf(answer, name), value, name)
}
