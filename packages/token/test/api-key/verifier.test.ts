import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { isRefusal, REPEATED, type Token } from '@countersign/core'
import { type ApiKeyOptions, createApiKeyVerifier, type MakeKeyHash } from '@countersign/token'
import fc from 'fast-check'
import { createConnection, createSurroundings } from '../surroundings.js'
import {
  createKeyBench,
  guessOf,
  HASH_KEY,
  issue,
  keyed,
  keyFor,
  OWNER,
  optionsFor,
  peerOf,
  statusOf,
  withFields,
  withId,
  wordOf,
} from './bench.js'

const DAY = 86_400

test('answers null where no key was presented, and leaves other schemes to others', () => {
  const { verifier } = createKeyBench()
  assert.equal(verifier.recall(keyed(null)), null)
  for (const authorization of ['Bearer a.b.c', 'Basic YTpi', 'ApiKeys x', 'APIKEYx', 'apikey-v2 x'])
    assert.equal(verifier.recall(withFields({ authorization })), null, authorization)
})

test('accepts a key in its own field and in Authorization, and says whose it is', async () => {
  const { verifier, issued } = createKeyBench()
  const key = await keyFor(verifier, keyed(issued.text))
  assert.equal(key.id, issued.record.id)
  assert.deepEqual(key.owner, { kind: 'spiffe', authority: 'prod.example', value: OWNER })
  assert.deepEqual([...key.scopes], ['invoices:read'])
  assert.equal(key.expiresAtMs, issued.record.expiresAtMs)
  assert.ok(Object.isFrozen(key) && Object.isFrozen(key.owner))
  for (const scheme of ['ApiKey ', 'apikey ', 'APIKEY   ']) {
    const inbound = withFields({ authorization: scheme + issued.text })
    assert.equal(await keyFor(verifier, inbound), key, scheme)
    assert.equal(verifier.takesAuthorization(inbound), true)
  }
  assert.equal(verifier.takesAuthorization(withFields({ authorization: 'Bearer x' })), false)
  assert.equal(verifier.takesAuthorization(keyed(issued.text)), false)
})

test('verifies a key once and recalls it afterwards, on the same connection and on others, without a promise', async () => {
  const { verifier, issued } = createKeyBench()
  const connection = createConnection()
  assert.equal(verifier.recall(keyed(issued.text, '192.0.2.1', connection)), undefined)
  const key = await keyFor(verifier, keyed(issued.text, '192.0.2.1', connection))
  assert.equal(verifier.recall(keyed(issued.text, '192.0.2.1', connection)), key)
  assert.equal(verifier.recall(keyed(issued.text)), key)
})

test('refuses more than one key, wherever they stand', () => {
  const { verifier, issued } = createKeyBench()
  for (const fields of [
    { 'x-api-key': REPEATED },
    { authorization: REPEATED },
    { authorization: `ApiKey ${issued.text}`, 'x-api-key': issued.text },
    { authorization: 'ApiKey', 'x-api-key': issued.text },
    { authorization: REPEATED, 'x-api-key': issued.text },
  ] as const)
    assert.equal(wordOf(verifier.recall(withFields(fields))), 'ERR_API_KEY_REPEATED')
})

test('looks at the field that it is told, and at Authorization alone where it is told none', async () => {
  const { verifier, issued } = createKeyBench({ header: 'X-Service-Key' })
  assert.equal(await statusOf(verifier, withFields({ 'x-service-key': issued.text })), 'ok')
  assert.equal(await statusOf(verifier, keyed(issued.text)), 'none')
  const { verifier: other, issued: its } = createKeyBench({ header: null })
  assert.equal(await statusOf(other, keyed(its.text)), 'none')
  assert.equal(await statusOf(other, withFields({ authorization: `ApiKey ${its.text}` })), 'ok')
})

test('refuses one wrong character anywhere in a key', async () => {
  const { verifier, issued } = createKeyBench({ lock: null })
  await keyFor(verifier, keyed(issued.text))
  for (let at = 0; at < issued.text.length; at++) {
    const wrong = `${issued.text.slice(0, at)}${issued.text[at] === 'a' ? 'b' : 'a'}${issued.text.slice(at + 1)}`
    assert.equal(await statusOf(verifier, keyed(wrong)), 'ERR_API_KEY_MALFORMED', `at ${at}`)
  }
  assert.equal(await statusOf(verifier, keyed(guessOf(issued, createSurroundings()))), 'ERR_API_KEY_INVALID')
  const other = issue(createSurroundings(), { prefix: 'xyz' })
  assert.equal(await statusOf(verifier, keyed(withId(other.text, issued.record.id))), 'ERR_API_KEY_INVALID')
})

test('refuses what is no key without a throw and without hashing anything, at every length', async () => {
  const counted = countingHash()
  const { verifier, issued } = createKeyBench({}, counted.makeHash)
  for (const text of [
    '',
    ' ',
    '_',
    '__',
    'csk',
    issued.text.slice(0, -1),
    `${issued.text}a`,
    `${issued.text} `,
    `${issued.text},${issued.text}`,
    'schlüssel_ÄÖÜäöüÄÖÜäöüÄÖÜÄ_'.padEnd(83, 'ß'),
    'csk_\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}_'.padEnd(70, '\u0000'),
    'x'.repeat(1024 * 1024),
    'csk_'.repeat(262_144),
    '_'.repeat(1024 * 1024),
  ])
    assert.equal(await statusOf(verifier, keyed(text)), 'ERR_API_KEY_MALFORMED', `${text.length} characters`)
  assert.equal(counted.count(), 0)
  assert.equal(await statusOf(verifier, keyed(issued.text)), 'ok')
})

test('never throws and lets nobody in, whatever text is presented', async () => {
  const { verifier, issued } = createKeyBench({ lock: null })
  await keyFor(verifier, keyed(issued.text))
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.base64String()), async (text) => {
      if (text === issued.text) return
      assert.equal(await statusOf(verifier, keyed(text)), 'ERR_API_KEY_MALFORMED')
      assert.notEqual(await statusOf(verifier, withFields({ authorization: `ApiKey ${text}` })), 'ok')
    }),
    { numRuns: 300 },
  )
})

test('does the same hash work for an unknown id as for a wrong secret and a right one', async () => {
  const counted = countingHash()
  const { verifier, issued, surroundings } = createKeyBench({ lock: null }, counted.makeHash)
  const worked: Record<string, number> = {}
  for (const [name, text] of [
    ['unknown', issue(surroundings).text],
    ['wrong', guessOf(issued, surroundings)],
    ['right', issued.text],
  ] as const) {
    const before = counted.count()
    worked[`${name}: ${await statusOf(verifier, keyed(text))}`] = counted.count() - before
  }
  assert.deepEqual(worked, { 'unknown: ERR_API_KEY_UNKNOWN': 1, 'wrong: ERR_API_KEY_INVALID': 1, 'right: ok': 1 })
  const before = counted.count()
  await statusOf(verifier, keyed(issued.text))
  assert.equal(counted.count(), before, 'a key that is known is not hashed again')
})

test('hashes no key while it recalls', () => {
  const counted = countingHash()
  const { verifier, issued, surroundings } = createKeyBench({}, counted.makeHash)
  for (const text of [issued.text, issue(surroundings).text, 'x']) assert.equal(wordOf(verifier.recall(keyed(text))), 'open')
  assert.equal(counted.count(), 0)
})

test('tells of an end, a revocation or an unlisted owner only whoever has the secret', async () => {
  const surroundings = createSurroundings()
  const expired = issue(surroundings, { expiresInSeconds: 60 })
  const revoked = issue(surroundings)
  const foreign = issue(surroundings, { owner: 'spiffe://evil.example/orders' })
  const records = [expired.record, { ...revoked.record, status: 'revoked' as const }, foreign.record]
  const verifier = createApiKeyVerifier(optionsFor(records, { lock: null }), surroundings)
  surroundings.advanceSeconds(60)
  assert.equal(await statusOf(verifier, keyed(expired.text)), 'ERR_API_KEY_EXPIRED')
  assert.equal(await statusOf(verifier, keyed(revoked.text)), 'ERR_API_KEY_REVOKED')
  assert.equal(await statusOf(verifier, keyed(foreign.text)), 'ERR_API_KEY_INVALID')
  for (const key of [expired, revoked, foreign])
    assert.equal(await statusOf(verifier, keyed(guessOf(key, surroundings))), 'ERR_API_KEY_INVALID')
})

test('believes a SPIFFE ID only of owners that are listed, and names others by the issuer', async () => {
  const surroundings = createSurroundings()
  const [service, alice] = [issue(surroundings), issue(surroundings, { owner: 'alice' })]
  const { owners: _, ...open } = optionsFor([service.record, alice.record])
  const verifier = createApiKeyVerifier({ ...open, issuer: 'keys.prod.example' }, surroundings)
  assert.equal(await statusOf(verifier, keyed(service.text)), 'ERR_API_KEY_INVALID')
  const key = await keyFor(verifier, keyed(alice.text))
  assert.deepEqual(key.owner, { kind: 'subject', authority: 'keys.prod.example', value: 'alice' })
  const listed = createApiKeyVerifier(optionsFor([service.record, alice.record], { owners: [OWNER] }), surroundings)
  assert.equal(await statusOf(listed, keyed(service.text)), 'ok')
  assert.equal(await statusOf(listed, keyed(alice.text)), 'ERR_API_KEY_INVALID')
})

test('binds a key to the certificate that came with it', async () => {
  const surroundings = createSurroundings()
  const [service, plain] = [issue(surroundings), issue(surroundings, { owner: 'orders.prod.example' })]
  const verifier = createApiKeyVerifier(
    optionsFor([service.record, plain.record], { owners: [OWNER, 'orders.prod.example'] }),
    surroundings,
  )
  const key = await keyFor(verifier, keyed(service.text))
  assert.equal(verifier.bind(key, null), null)
  assert.equal(verifier.bind(key, peerOf(OWNER)), null)
  for (const peer of [
    peerOf('spiffe://prod.example/billing'),
    peerOf(`${OWNER}/a`),
    peerOf('spiffe://other.example/orders'),
    peerOf(OWNER, 'dns'),
  ])
    assert.equal(verifier.bind(key, peer)?.code, 'ERR_API_KEY_BINDING')
  const named = await keyFor(verifier, keyed(plain.text))
  assert.equal(verifier.bind(named, peerOf('orders.prod.example', 'dns')), null)
  assert.equal(verifier.bind(named, peerOf('billing.prod.example', 'dns'))?.code, 'ERR_API_KEY_BINDING')
})

function tokenOf(subject: string, claims: Token['claims']): Token {
  return { subject, claims } as Token
}

test('does not count a key beside the token of another workload, but beside that of whoever its owner acts for', async () => {
  const surroundings = createSurroundings()
  const [service, alice] = [issue(surroundings), issue(surroundings, { owner: 'alice' })]
  const verifier = createApiKeyVerifier(optionsFor([service.record, alice.record]), surroundings)
  const key = await keyFor(verifier, keyed(service.text))
  const billing = 'spiffe://prod.example/billing'
  const rows: readonly (readonly [code: string | null, subject: string, claims: Token['claims']])[] = [
    [null, OWNER, {}],
    [null, 'alice', {}],
    [null, 'alice', { act: { sub: OWNER } }],
    [null, billing, { act: { sub: OWNER, act: { sub: billing } } }],
    [null, 'alice', { act: { sub: 'bob' } }],
    ['ERR_API_KEY_BINDING', billing, {}],
    ['ERR_API_KEY_BINDING', 'wimse://prod.example/billing', {}],
    ['ERR_API_KEY_BINDING', OWNER, { act: { sub: billing } }],
    ['ERR_API_KEY_BINDING', 'alice', { act: { sub: billing } }],
    ['ERR_API_KEY_BINDING', billing, { act: OWNER }],
  ]
  for (const [code, subject, claims] of rows)
    for (const peer of [null, peerOf(OWNER)])
      assert.equal(verifier.bind(key, peer, tokenOf(subject, claims))?.code ?? null, code, `${subject} ${JSON.stringify(claims)}`)
  const own = await keyFor(verifier, keyed(alice.text))
  assert.equal(verifier.bind(own, null, tokenOf(OWNER, {}))?.code, 'ERR_API_KEY_BINDING')
})

test('refuses an expired key on the next request of an open connection, and a grant with it', async () => {
  const { verifier, issued, surroundings } = createKeyBench()
  const connection = createConnection()
  const key = await keyFor(verifier, keyed(issued.text, '192.0.2.1', connection))
  assert.equal(verifier.judge(key), null)
  surroundings.advanceSeconds(90 * DAY - 1)
  assert.equal(wordOf(verifier.recall(keyed(issued.text, '192.0.2.1', connection))), 'ok')
  surroundings.advanceSeconds(1)
  assert.equal(wordOf(verifier.recall(keyed(issued.text, '192.0.2.1', connection))), 'ERR_API_KEY_EXPIRED')
  assert.equal(verifier.judge(key)?.code, 'ERR_API_KEY_EXPIRED')
})

test('writes down once that a key in use ends within 14 days', async () => {
  const { verifier, issued, surroundings } = createKeyBench()
  const notices = () => surroundings.events.filter(({ kind }) => kind === 'credential.expiring')
  await statusOf(verifier, keyed(issued.text))
  surroundings.advanceSeconds(76 * DAY - 1)
  await statusOf(verifier, keyed(issued.text))
  assert.equal(notices().length, 0)
  surroundings.advanceSeconds(1)
  for (let round = 0; round < 5; round++) await statusOf(verifier, keyed(issued.text))
  surroundings.advanceSeconds(DAY)
  await statusOf(verifier, keyed(issued.text))
  assert.deepEqual(
    notices().map(({ severity, facts }) => [severity, facts['keyId'], facts['owner'], facts['daysLeft']]),
    [['warn', issued.record.id, OWNER, 14]],
  )
})

test('asks the revocation list about the key and its owner on every request, with when the key was made', async () => {
  const asked: [string, string, number][] = []
  const gone = new Set<string>()
  const list = {
    ageMs: 0,
    has(kind: string, id: string, issuedAtMs: number) {
      asked.push([kind, id, issuedAtMs])
      return gone.has(`${kind} ${id}`)
    },
  }
  const { verifier, issued } = createKeyBench({ revocation: { list } })
  const key = await keyFor(verifier, keyed(issued.text))
  assert.deepEqual(asked, [
    ['key', issued.record.id, issued.record.createdAtMs],
    ['service', OWNER, issued.record.createdAtMs],
  ])
  for (const entry of [`key ${issued.record.id}`, `service ${OWNER}`]) {
    gone.add(entry)
    assert.equal(await statusOf(verifier, keyed(issued.text)), 'ERR_API_KEY_REVOKED', entry)
    assert.equal(verifier.judge(key)?.code, 'ERR_API_KEY_REVOKED')
    gone.delete(entry)
    assert.equal(await statusOf(verifier, keyed(issued.text)), 'ok')
  }
  list.ageMs = 30_001
  assert.equal(await statusOf(verifier, keyed(issued.text)), 'ERR_API_KEYS_UNAVAILABLE')
})

test('names a revoked or expired key and its owner in the log, to nobody who has not its secret', async () => {
  const surroundings = createSurroundings()
  const [expired, revoked] = [issue(surroundings, { expiresInSeconds: 60 }), issue(surroundings)]
  const records = [expired.record, { ...revoked.record, status: 'revoked' as const }]
  const verifier = createApiKeyVerifier(optionsFor(records, { lock: null }), surroundings)
  surroundings.advanceSeconds(60)
  for (const [{ text, record }, code] of [
    [expired, 'ERR_API_KEY_EXPIRED'],
    [revoked, 'ERR_API_KEY_REVOKED'],
  ] as const) {
    const found = await verifier.verify(keyed(text))
    assert.ok(isRefusal(found))
    assert.deepEqual([found.code, found.facts, found.evidence], [code, {}, { apiKeyId: record.id, owner: OWNER }])
  }
  const guessed = await verifier.verify(keyed(guessOf(revoked, surroundings)))
  assert.ok(isRefusal(guessed))
  assert.deepEqual([guessed.code, guessed.evidence], ['ERR_API_KEY_INVALID', undefined])
})

test('shows no secret where a verifier, its options or a record is printed', async () => {
  const { verifier, issued } = createKeyBench()
  await keyFor(verifier, keyed(issued.text))
  const shown = `${inspect(verifier, { depth: null, showHidden: true })}${JSON.stringify(verifier)}${verifier}${inspect(issued)}`
  for (const secret of [issued.text, HASH_KEY.toString('hex'), HASH_KEY.toString('base64url')]) assert.ok(!shown.includes(secret))
})

test('makes no hash that another hash key would accept', async () => {
  const { issued, surroundings } = createKeyBench()
  const verifier = createApiKeyVerifier({ ...optionsFor([issued.record]), hashKey: randomBytes(32) }, surroundings)
  assert.equal(await statusOf(verifier, keyed(issued.text)), 'ERR_API_KEY_INVALID')
})

for (const [claim, changes, code, option] of [
  ['keys left out', { keys: undefined }, 'ERR_OPTION_MISSING', 'apiKeys.keys'],
  ['an empty list of keys', { keys: [] }, 'ERR_OPTION_INVALID', 'apiKeys.keys'],
  ['a record that is none', { keys: [{ id: 'x' }] }, 'ERR_OPTION_INVALID', 'apiKeys.keys'],
  ['keys as a text', { keys: 'keys.json' }, 'ERR_OPTION_INVALID', 'apiKeys.keys'],
  ['a file that is not there', { keys: { file: '/nowhere/keys.json' } }, 'ERR_TRUST_UNREADABLE', 'apiKeys.keys.file'],
  ['a hash key left out', { hashKey: undefined }, 'ERR_OPTION_MISSING', 'apiKeys.hashKey'],
  ['a hash key of 16 bytes', { hashKey: randomBytes(16) }, 'ERR_OPTION_INVALID', 'apiKeys.hashKey'],
  ['a hash key that is a text', { hashKey: 'x'.repeat(64) }, 'ERR_OPTION_INVALID', 'apiKeys.hashKey'],
  ['a hash key in a file that is not there', { hashKey: { file: '/nowhere' } }, 'ERR_CREDENTIAL_UNREADABLE', 'apiKeys.hashKey.file'],
  ['owners with a wildcard', { owners: ['spiffe://prod.example/*'] }, 'ERR_OPTION_INVALID', 'apiKeys.owners[0]'],
  ['no owners in a list', { owners: [] }, 'ERR_OPTION_INVALID', 'apiKeys.owners'],
  ['Authorization as the field', { header: 'Authorization' }, 'ERR_OPTION_INVALID', 'apiKeys.header'],
  ['Cookie as the field', { header: 'cookie' }, 'ERR_OPTION_INVALID', 'apiKeys.header'],
  ['a field with a space', { header: 'x api key' }, 'ERR_OPTION_INVALID', 'apiKeys.header'],
  ['a lock after no failure', { lock: { failures: 0 } }, 'ERR_OPTION_INVALID', 'apiKeys.lock.failures'],
  ['a lock with a word misspelt', { lock: { failure: 5 } }, 'ERR_OPTION_UNKNOWN', 'apiKeys.lock.failure'],
  ['a revocation list that is none', { revocation: { list: [] } }, 'ERR_OPTION_INVALID', 'apiKeys.revocation.list'],
  ['a notice of a year', { noticeSeconds: 366 * DAY }, 'ERR_OPTION_INVALID', 'apiKeys.noticeSeconds'],
  ['an unknown option', { pepper: 'x' }, 'ERR_OPTION_UNKNOWN', 'apiKeys.pepper'],
] as const)
  test(`refuses to start with ${claim}`, () => {
    const surroundings = createSurroundings()
    const options = { ...optionsFor([issue(surroundings).record]), ...changes } as unknown as ApiKeyOptions
    assert.throws(() => createApiKeyVerifier(options, surroundings), { name: 'MisuseError', code, option })
  })

test('refuses two records of one id', () => {
  const surroundings = createSurroundings()
  const { record } = issue(surroundings)
  assert.throws(() => createApiKeyVerifier(optionsFor([record, { ...record }]), surroundings), { code: 'ERR_OPTION_INVALID' })
})

test('keeps its own copy of records and hash key', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  const [mine, pepper] = [{ ...record, scopes: [...record.scopes] }, Buffer.from(HASH_KEY)]
  const verifier = createApiKeyVerifier({ ...optionsFor([mine]), hashKey: pepper }, surroundings)
  pepper.fill(0)
  Object.assign(mine, { owner: 'spiffe://prod.example/admin' })
  mine.scopes.push('admin')
  const key = await keyFor(verifier, keyed(text))
  assert.equal(key.owner.value, OWNER)
  assert.deepEqual([...key.scopes], ['invoices:read'])
  assert.ok(!isRefusal(key))
})

function countingHash(): { readonly makeHash: MakeKeyHash; count(): number } {
  let count = 0
  return {
    count: () => count,
    makeHash: (hashKey) => (text) => {
      count++
      return createHmac('sha256', hashKey).update(text).digest()
    },
  }
}
