import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { createRecorder } from '@countersign/audit'
import type { Facts } from '@countersign/core'
import fc from 'fast-check'
import { createCapture, createTestClock, denied, type Line } from './capture.js'

function written(facts: unknown, cause?: unknown): { readonly text: string; readonly line: Line } {
  const { logger, texts, lines } = createCapture()
  createRecorder({ logger }, { clock: createTestClock() }).record(denied('ERR_FORBIDDEN', facts as Facts, cause))
  const [text, line] = [texts[0], lines()[0]]
  assert.ok(texts.length === 1 && text !== undefined && line !== undefined)
  return { text, line }
}

const base64url = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function jwt(header = '{"alg":"ES256"}'): string {
  const input = `${base64url(header)}.${base64url({ sub: 'alice', secret: 'hunter2' })}`
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}

test('no text of any kind puts a control, invisible or direction-changing character into a line, or makes it two', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const { text: out, line } = written({ remoteAddress: text, list: [text] })
      assert.ok(out.endsWith('\n') && out.indexOf('\n') === out.length - 1)
      for (const value of [line['remoteAddress'], ...(line['list'] as string[])]) {
        assert.ok(typeof value === 'string' && value.length <= 256)
        assert.doesNotMatch(value, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      }
    }),
    { numRuns: 500 },
  )
})

for (const [what, evil] of [
  ['a new line', 'a\n{"level":30,"msg":"access_granted"}'],
  ['a carriage return', 'a\rb'],
  ['a colour of a terminal', '\u001b[2J\u001b[31mok'],
  ['an 8-bit control sequence', '\u009b31m'],
  ['a null byte', 'a\u0000b'],
  ['a right-to-left override', 'a\u202eb'],
  ['a line separator', 'a\u2028b'],
  ['a zero-width space', 'a\u200bb'],
  ['a byte order mark', '\ufeffa'],
  ['an invisible tag', 'a\u{e0041}b'],
] as const) {
  test(`${what} is written as an escape`, () => {
    const { text, line } = written({ peer: evil })
    assert.match(String(line['peer']), /\\u\{[0-9a-f]+\}/)
    assert.equal(text.split('\n').length, 2)
  })
}

test('a long text is cut, and a long list too', () => {
  const { line } = written({ long: 'x'.repeat(1_000_000), list: Array.from({ length: 1000 }, () => 'y'.repeat(1000)) })
  assert.equal(String(line['long']).length, 256)
  const list = line['list'] as string[]
  assert.deepEqual([list.length, list[0]?.length], [16, 256])
})

test('the text of an event is cut later than a fact', () => {
  const { logger, lines } = createCapture()
  const recorder = createRecorder({ logger }, { clock: createTestClock() })
  for (const message of ['x'.repeat(2_000), 'x'.repeat(3_000), `${'-'.repeat(2_040)}${jwt()}`])
    recorder.record({ kind: 'guard.configured', severity: 'info', message, facts: {} })
  const details = lines().map((line) => String(line['detail']))
  assert.deepEqual(
    details.map(({ length }) => length),
    [2_000, 2_048, 2_048],
  )
  assert.ok(!details.join('').includes(jwt().slice(0, 8)))
})

test('a token does not get into a line, wherever in a text it stands', () => {
  for (const header of ['{"alg":"ES256"}', '{ "alg":"ES256"}', '{\n"alg":"ES256"}', '{\r\n"alg":"ES256"}', '{\t"alg":"ES256"}']) {
    for (const text of [
      jwt(header),
      `Bearer ${jwt(header)}`,
      `x=${jwt(header)}&y`,
      `${'-'.repeat(240)}${jwt(header)}`,
      `${'-'.repeat(4080)}${jwt(header)}`,
    ]) {
      const { text: out } = written({ text, list: ['a', text] })
      const [, payload = '', signature = ''] = jwt(header).split('.')
      assert.equal(out.includes(payload) || out.includes(signature.slice(0, 20)), false, out)
    }
  }
})

test('a token longer than what is read of a text does not either', () => {
  const payload = base64url({ sub: 'alice', filler: 'hunter2'.repeat(1000) })
  for (const before of ['', 'Bearer ', 'x'.repeat(100)]) {
    const { text } = written({ text: `${before}${base64url('{"alg":"ES256"}')}.${payload}.${'s'.repeat(86)}` })
    assert.equal(text.includes(payload.slice(0, 20)), false, text)
  }
})

test('an encrypted token and other credentials do not either', () => {
  const jwe = `${base64url('{"alg":"dir","enc":"A128GCM"}')}..${base64url('nonce-of-it')}.${base64url('the ciphertext')}.${base64url('the tag')}`
  for (const text of [
    jwe,
    'Basic YWxpY2U6aHVudGVyMg==',
    'authorization: bearer opaque-token-0123456789',
    'DPoP abcdefghijk',
    'ApiKey k_0123456789',
  ]) {
    const { line } = written({ text })
    assert.match(String(line['text']), /^(?:authorization: )?\[redacted\]$/, String(line['text']))
  }
})

test('a private key does not either', () => {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { line } = written({ text: `key ${pem}` })
  assert.equal(line['text'], '[redacted]')
})

test('what our own facts hold is not taken for a secret', () => {
  const facts = {
    peer: 'spiffe://prod.example/eyewear/shop.v1.0',
    host: 'eyeglasses-shop.prod.example.org',
    fingerprint256: 'ab'.repeat(32),
    serialNumber: 'e0f1a2b3c4d5e6f7',
    thumbprint: 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2',
    remoteAddress: '2001:db8::1',
    policies: ['caller', 'tenant'],
    retryAfterSeconds: 3,
    anonymous: false,
    subject: null,
  }
  const { line } = written(facts)
  for (const [name, value] of Object.entries(facts)) assert.deepEqual(line[name], value)
})

test('of a cause the name and the code stay, and never the message', () => {
  const cause = Object.assign(new RangeError('caller said hunter2; error:0A000086:SSL routines'), {
    code: 'ERR_OSSL_EVP',
    stack: 'hunter2',
    extra: 'hunter2',
  })
  const { text, line } = written({}, cause)
  assert.equal(line['causeName'], 'RangeError')
  assert.equal(line['causeCode'], 'ERR_OSSL_EVP')
  assert.equal(text.includes('hunter2') || text.includes('SSL routines'), false)
})

test('a cause that is no error, or tells lies, tells nothing', () => {
  assert.equal(written({}, 'hunter2').text.includes('hunter2'), false)
  assert.equal(written({}, Object.assign(new Error('x'), { name: 'a\nhunter2', code: 'hunter2' })).text.includes('hunter2'), false)
  const hostile = {
    get name() {
      return assert.fail('hunter2')
    },
  }
  assert.equal(written({}, hostile).line['causeName'], 'Error')
})

test('a value of a kind that no fact has is left out, and so is a name that is none', () => {
  const { line, text } = written({
    object: { secret: 'hunter2' },
    buffer: Buffer.from('hunter2'),
    fn: () => 'hunter2',
    big: 1n,
    symbol: Symbol('hunter2'),
    mixed: ['a', { secret: 'hunter2' }],
    'a\nb': 'hunter2',
    infinite: Number.POSITIVE_INFINITY,
  })
  assert.equal(text.includes('hunter2'), false)
  assert.deepEqual(line['mixed'], ['a'])
  assert.equal(line['infinite'], 'Infinity')
  for (const name of ['object', 'buffer', 'fn', 'big', 'symbol', 'a\nb']) assert.equal(name in line, false, name)
})

test('no fact takes the place of what a reader relies on', () => {
  const { line, text } = written({
    kind: 'request.allowed',
    code: 'OK',
    level: 10,
    msg: 'fine',
    time: 0,
    sequence: 99,
    dropped: 5,
    suppressed: 5,
    pid: 1,
    detail: 'x',
    err: 'x',
    toJSON: 'x',
  })
  assert.deepEqual(
    [line['kind'], line['code'], line['level'], line['msg'], line['sequence'], line['dropped']],
    ['request.denied', 'ERR_FORBIDDEN', 40, 'access_denied', 1, undefined],
  )
  assert.equal(text.match(/"kind":/g)?.length, 1)
  assert.equal(text.match(/"msg":/g)?.length, 1)
  assert.equal(line['fact_kind'], 'request.allowed')
})

test('facts with a prototype of their own making poison nothing', () => {
  const { line } = written(JSON.parse('{"__proto__":{"code":"OK"},"constructor":"x"}'))
  assert.equal(line['code'], 'ERR_FORBIDDEN')
  assert.equal('polluted' in {}, false)
})

test('a megabyte of every evil in each fact takes no longer than a few milliseconds of work', () => {
  for (const unit of ['e', 'eyJ', 'eyJ.', 'bearer ', '\u001b', '-----BEGIN', 'ew0']) {
    const { line } = written({ text: unit.repeat(1_000_000 / unit.length) })
    assert.ok(String(line['text']).length <= 256)
  }
})

test('writes no API key down, wherever a caller has put it', () => {
  const secret = 'Zk3mQ9xT0aLw7RbNcV5yHs2dGfJp8uEi1oXzKqWtBnM4rC6'
  const key = `csk_0a1B2c3D4e5F6g7H_${secret}Ab`
  for (const text of [key, `/invoices/${key}`, `token=${key}&x=1`, `prefix${key}`, `${'x'.repeat(230)} ${key}`]) {
    const { text: out } = written({ path: text, list: [text] })
    assert.ok(!out.includes(secret.slice(0, 20)), out)
  }
})
