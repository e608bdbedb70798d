import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExactJsonObject, parseJson, parseJsonObject } from '@countersign/core'

const parse = (text: string): unknown => parseJsonObject(Buffer.from(text))

const GOOD = [
  '{}',
  ' \t\r\n{ } \n',
  '{"a":null,"b":true,"c":false}',
  '{"a":[],"b":[1,[2,{"c":3}]]}',
  '{"a":0,"b":-0,"c":1.5e3,"d":-1E-2,"e":123456789012345680000}',
  '{"":"","é":"ü","😀":"\\ud83d\\ude00"}',
  '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"}',
  '{"constructor":1,"toString":2,"hasOwnProperty":3}',
  '{"a":" \u007f\u2028\u2029"}',
]
const BAD = [
  '',
  '{',
  '}',
  '{]',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,"a":1}',
  '{"a":1 "b":2}',
  "{'a':1}",
  '{a:1}',
  '{"a":01}',
  '{"a":+1}',
  '{"a":.5}',
  '{"a":1.}',
  '{"a":1e}',
  '{"a":0x1}',
  '{"a":NaN}',
  '{"a":Infinity}',
  '{"a":undefined}',
  '{"a":tru}',
  '{"a":TRUE}',
  '{"a":[1,]}',
  '{"a":[1 2]}',
  '{"a":"\n"}',
  '{"a":"\\x41"}',
  '{"a":"\\u12g4"}',
  '{"a":"\\u12"}',
  '{"a":"',
  '{"a":"\\',
  '{"a":1}x',
  '{"a":1}{}',
  '{"a":1}\u0000',
  '\u00a0{"a":1}',
]

test('reads what JSON.parse reads', () => {
  for (const text of GOOD) assert.deepEqual(plain(parse(text)), JSON.parse(text), text)
})

test('reads nothing that JSON.parse does not read', () => {
  for (const text of BAD) {
    assert.throws(() => JSON.parse(text), SyntaxError, text)
    assert.equal(parse(text), null, text)
  }
})

test('reads no text that is not one object', () => {
  for (const text of ['null', '1', '"a"', '[]', '[{}]', 'true']) assert.equal(parse(text), null, text)
})

test('reads no object with a member twice, however it is written and wherever it stands', () => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"a":1,"b":2,"a":3}}',
    '{"x":[{"a":1,"a":2}]}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
  ]
  for (const text of texts) {
    assert.doesNotThrow(() => JSON.parse(text))
    assert.equal(parse(text), null, text)
  }
})

test('reads no text that is not well-formed Unicode', () => {
  assert.equal(parse('{"a":"\\ud800"}'), null)
  assert.equal(parse('{"a":"\\udc00\\ud800"}'), null)
  assert.equal(parse('\ufeff{"a":1}'), null)
  assert.equal(parseJsonObject('\ufeff{"a":1}'), null)
  assert.equal(parseJsonObject('{"a":"\ud800"}'), null)
  assert.equal(parseJsonObject('{"\udc00":1}'), null)
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
    assert.equal(parseJsonObject(Buffer.from([...Buffer.from('{"a":"'), ...bytes, ...Buffer.from('"}')])), null)
  }
})

test('reads the replacement character where it was meant, and not where it stands for damage', () => {
  assert.deepEqual(plain(parse('{"a":"\ufffd","b":"\\ufffd"}')), { a: '\ufffd', b: '\ufffd' })
  const damaged = Buffer.from('{"a":"\ufffd\u00e9"}').subarray(0, -3)
  assert.equal(parseJsonObject(Buffer.concat([damaged, Buffer.from('"}')])), null)
})

test('reads text as it reads bytes, and any value where none is asked to be an object', () => {
  for (const text of GOOD) assert.deepEqual(parseJsonObject(text), parse(text), text)
  for (const text of BAD) assert.equal(parseJson(text), undefined, text)
  for (const text of ['null', ' -1.5e1', '"\\u0061b\\n"', '[]', '[{"a":[]}]', 'true']) {
    assert.deepEqual(plain(parseJson(text)), JSON.parse(text), text)
  }
})

test('reads integers exactly where asked to, of a length that cannot take long', () => {
  const exact = (text: string): unknown => parseExactJsonObject(`{"a":${text}}`)?.['a']
  assert.equal(exact('18446744073709551615'), 18_446_744_073_709_551_615n)
  assert.equal(exact('-9007199254740993'), -9_007_199_254_740_993n)
  assert.equal(exact('[7]')?.toString(), '7')
  assert.equal(exact('1.5'), 1.5)
  assert.equal(exact('1e3'), 1000)
  assert.equal(exact('9'.repeat(32)), BigInt('9'.repeat(32)))
  assert.equal(exact('9'.repeat(33)), undefined)
  assert.equal(exact('01'), undefined)
  assert.equal(parse('{"a":9007199254740993}') === null, false)
})

test('stops at a bounded number of values and a bounded length', () => {
  const values = (count: number): unknown => parseJson(`[${'0,'.repeat(count - 2)}0]`)
  assert.notEqual(values(50_000), undefined)
  assert.equal(values(50_001), undefined)
  const long = (length: number): unknown => parseJson(`"${'x'.repeat(length - 2)}"`)
  assert.notEqual(long(4 * 1024 * 1024), undefined)
  assert.equal(long(4 * 1024 * 1024 + 1), undefined)
})

test('makes __proto__ a member like any other, and objects without a prototype', () => {
  const value = parseJsonObject(Buffer.from('{"__proto__":{"admin":true},"x":{}}'))
  assert.equal(Reflect.get(value ?? {}, 'admin'), undefined)
  assert.deepEqual(Object.keys(value ?? {}), ['__proto__', 'x'])
  assert.equal(Object.getPrototypeOf(value), null)
})

test('stops at a bounded depth, whatever the length', () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}{}${'}'.repeat(depth)}`
  assert.notEqual(parse(nested(32)), null)
  assert.equal(parse(nested(33)), null)
  assert.equal(parse('{"a":'.repeat(100_000)), null)
  assert.equal(parse(`{"a":${'['.repeat(100_000)}`), null)
})

test('agrees with JSON.parse on ten thousand texts that were changed at random', () => {
  const seeds = [...GOOD, ...BAD, '{"iss":"https://issuer.example","aud":["a","b"],"exp":1800000300,"cnf":{"x5t#S256":"A4Dt"}}']
  const alphabet = '{}[]",:\\0123456789.eE+-truefalsn u\n\té'
  let state = 1
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  let accepted = 0
  for (let run = 0; run < 10_000; run++) {
    let text = seeds[random(seeds.length)] ?? ''
    for (let change = random(4); change >= 0; change--) {
      const at = random(text.length + 1)
      text = text.slice(0, at) + alphabet.charAt(random(alphabet.length)) + text.slice(at + random(2))
    }
    const expected = parseLeniently(text)
    const read = parse(text)
    if (read === null) assert(expected === null || membersIn(expected) < membersWritten(text), text)
    else assert.deepEqual(plain(read), expected, text)
    accepted += read === null ? 0 : 1
  }
  assert(accepted > 300, `${accepted} accepted`)
})

/** `null` unless it is an object whose texts are well-formed. */
function parseLeniently(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) && isWellFormed(value) ? value : null
  } catch {
    return null
  }
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner))
}

function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value).reduce<number>((sum, item) => sum + membersIn(item), 0)
  return inner + (Array.isArray(value) ? 0 : Object.keys(value).length)
}

function membersWritten(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1
}

/** As JSON.parse makes it: objects with a prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}
