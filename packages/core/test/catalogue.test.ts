import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, type Code, catalogueEntry, isRefusal, problemType, refuse } from '@countersign/core'

test('a challenge stands with 400, 401 and a missing scope, and nowhere else', () => {
  for (const code of CODES) {
    const { status, challenge, stage } = catalogueEntry(code)
    if (status === 401) assert.notEqual(challenge, null, `${code}: RFC 9110 §15.5.2 wants a challenge`)
    if (challenge === 'invalid_token' || challenge === '') assert.equal(status, 401, code)
    if (challenge === 'invalid_request') assert.equal(status, 400, code)
    if (challenge === 'insufficient_scope') assert.equal(status, 403, code)
    // There is no challenge for a certificate, so a client that has none is not told to authenticate.
    if (stage === 'peer') assert.equal(challenge, null, code)
  }
})

test('the status and the gRPC status of a code say the same', () => {
  for (const code of CODES) {
    const { status, grpcStatus } = catalogueEntry(code)
    if (status === 401) assert.equal(grpcStatus, 'UNAUTHENTICATED', code)
    if (status === 429) assert.equal(grpcStatus, 'RESOURCE_EXHAUSTED', code)
    if (status === 503) assert.equal(grpcStatus, 'UNAVAILABLE', code)
    if (status === 400 || status === 421) assert.equal(grpcStatus, 'INVALID_ARGUMENT', code)
  }
})

test('whatever is unavailable tells callers no more than that', () => {
  for (const code of CODES) if (catalogueEntry(code).status === 503) assert.equal(catalogueEntry(code).publicCode, 'ERR_UNAVAILABLE', code)
})

test('nobody can change the table', () => {
  assert.ok(Object.isFrozen(CODES))
  for (const code of CODES) assert.ok(Object.isFrozen(catalogueEntry(code)), code)
})

test('every title is a sentence of its own, without a value in it', () => {
  const titles = CODES.map((code) => catalogueEntry(code).title)
  assert.equal(new Set(titles).size, titles.length)
  for (const title of titles) assert.match(title, /^[A-Z][A-Za-z ,-]+[a-zA-Z]$/)
})

test('a code that is none is a fault, not an answer', () => {
  for (const code of ['ERR_NOTHING', '__proto__', 'constructor', '']) assert.throws(() => catalogueEntry(code as Code), TypeError)
})

test('the problem type is the page of the code, but for the one that the RateLimit draft has named', () => {
  assert.equal(problemType('ERR_FORBIDDEN', 'https://docs.example/'), 'https://docs.example/ERR_FORBIDDEN')
  assert.equal(problemType('ERR_QUOTA_EXCEEDED', 'https://docs.example/'), 'https://iana.org/assignments/http-problem-types#quota-exceeded')
})

test('a refusal is told from everything else', () => {
  const cause = new Error('below')
  assert.deepEqual(refuse('ERR_FORBIDDEN', { path: '/x' }, cause), { refused: true, code: 'ERR_FORBIDDEN', facts: { path: '/x' }, cause })
  assert.ok(isRefusal(refuse('ERR_FORBIDDEN')))
  for (const value of [null, undefined, true, 'refused', {}, { refused: 'yes' }, []]) assert.ok(!isRefusal(value))
})
