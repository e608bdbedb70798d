import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal, type RevocationList } from '@countersign/core'
import { bearer, claims, createBench, createConnection, ISSUER, judge, recalledStatus, settledStatus, verified } from './surroundings.js'

function createList(): RevocationList & { revoked: Set<string>; ageMs: number; answer: unknown } {
  return {
    revoked: new Set<string>(),
    ageMs: 0,
    answer: undefined,
    has(kind, id) {
      if (this.answer instanceof Error) throw this.answer
      return this.answer === undefined ? this.revoked.has(`${kind} ${id}`) : (this.answer as boolean)
    },
  }
}

test('refuses a revoked token, key or service on the next request, and takes it back as soon', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  const connection = createConnection()
  const token = signer.sign(claims())
  const found = await verified(verifier, bearer(token, connection))
  for (const id of ['token j-1', `key ${signer.kid}`, 'service alice']) {
    list.revoked.add(id)
    assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ERR_TOKEN_REVOKED', id)
    assert.equal(verifier.judge(found)?.code, 'ERR_TOKEN_REVOKED', id)
    list.revoked.delete(id)
    assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ok', id)
  }
  list.revoked.add('service bob').add('token j-2').add('service j-1').add('token alice')
  assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ok')
})

test('names a revoked token in the log, and in nothing that a caller may be told', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  list.revoked.add('service alice')
  const found = await judge(verifier, bearer(signer.sign(claims())))
  assert(isRefusal(found))
  assert.deepEqual([found.code, found.facts], ['ERR_TOKEN_REVOKED', {}])
  assert.deepEqual(found.evidence, { subject: 'alice', issuer: ISSUER, tokenId: 'j-1' })
})

test('refuses what a revoked key has signed, whether or not the token names it', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  list.revoked.add(`key ${signer.kid}`)
  for (const header of [{}, { kid: undefined }]) {
    const found = await judge(verifier, bearer(signer.sign(claims(), header)))
    assert(isRefusal(found))
    assert.equal(found.code, 'ERR_TOKEN_REVOKED')
  }
})

test('refuses what a revoked service got for somebody else, or acts in', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  const connection = createConnection()
  const token = signer.sign(claims({ client_id: 'gateway', azp: 'portal', act: { sub: 'orders', act: { sub: 'shop' } } }))
  await verified(verifier, bearer(token, connection))
  for (const service of ['alice', 'gateway', 'portal', 'orders', 'shop']) {
    list.revoked.add(`service ${service}`)
    assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ERR_TOKEN_REVOKED', service)
    list.revoked.delete(`service ${service}`)
  }
  assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ok')
})

test('refuses a token once something is revoked that it names to be revoked with', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  const connection = createConnection()
  const revoked_with = { certificate: ['c-1', 'c-2'], key: ['k-1'], token: ['t-1'], session: ['s-1'], device: ['d-1'], service: 'all' }
  const token = signer.sign(claims({ revoked_with }))
  await verified(verifier, bearer(token, connection))
  for (const id of ['certificate c-1', 'certificate c-2', 'key k-1', 'token t-1', 'session s-1']) {
    list.revoked.add(id)
    assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ERR_TOKEN_REVOKED', id)
    list.revoked.delete(id)
  }
  list.revoked.add('service all').add('device d-1').add('token c-1')
  assert.equal(recalledStatus(verifier, bearer(token, connection)), 'ok')
})

test('what a token names of another form names nothing', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  list.revoked.add('token t-1')
  for (const revoked_with of ['t-1', ['t-1'], null, { token: 't-1' }, { token: [7, null, {}] }])
    assert.ok(!isRefusal(await judge(verifier, bearer(signer.sign(claims({ revoked_with }))))))
})

test('asks only about tokens whose signature was verified', async () => {
  const list = createList()
  const { verifier } = createBench({ revocation: { list } })
  const other = createBench().signer
  list.answer = new Error('asked')
  const found = await judge(verifier, bearer(other.sign(claims())))
  assert(isRefusal(found))
  assert.equal(found.code, 'ERR_TOKEN_SIGNATURE')
})

test('answers unavailable where the list does not say true or false, throws, or is too old', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list } })
  const token = signer.sign(claims())
  await verified(verifier, bearer(token))
  const status = (): string => recalledStatus(verifier, bearer(token))
  for (const answer of [null, 0, 1, '', 'no', {}, Promise.resolve(false), new Error('down')]) {
    list.answer = answer
    assert.equal(status(), 'ERR_TOKEN_REVOCATION_UNKNOWN', String(answer))
  }
  list.answer = undefined
  for (const ageMs of [30_001, Number.POSITIVE_INFINITY, Number.NaN, -1, undefined as unknown as number]) {
    list.ageMs = ageMs
    assert.equal(status(), 'ERR_TOKEN_REVOCATION_UNKNOWN', String(ageMs))
  }
  list.ageMs = 30_000
  assert.equal(status(), 'ok')
})

test('uses an older list for as long as the options say', async () => {
  const list = createList()
  const { signer, verifier } = createBench({ revocation: { list, whenUnavailable: { staleSeconds: 300 } } })
  const token = signer.sign(claims())
  list.ageMs = 300_000
  await verified(verifier, bearer(token))
  list.ageMs = 300_001
  assert.equal(recalledStatus(verifier, bearer(token)), 'ERR_TOKEN_REVOCATION_UNKNOWN')
})

test('accepts no token without a jti where tokens can be revoked', async () => {
  const { signer, verifier } = createBench({ revocation: { list: createList() } })
  assert.equal(await settledStatus(verifier, bearer(signer.sign(claims({ jti: undefined })))), 'ERR_TOKEN_CLAIM_MISSING')
})
