import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkBoolean, checkChoice, checkInteger, checkKeys, checkList, checkText, joinPath, kindOf, MisuseError } from '@countersign/core'

const invalid = (message: RegExp) => ({ name: 'MisuseError', code: 'ERR_OPTION_INVALID', option: 'a.b', message })

test('takes whole numbers within the bounds, and nothing that only looks like one', () => {
  assert.equal(checkInteger('a.b', 1, 1, 3), 1)
  assert.equal(checkInteger('a.b', 3, 1, 3), 3)
  for (const value of [0, 4, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', null, undefined, 2n, [2], { valueOf: () => 2 }])
    assert.throws(() => checkInteger('a.b', value, 1, 3), invalid(/^a\.b: takes an integer from 1 to 3, not /))
})

test('takes true and false alone', () => {
  assert.equal(checkBoolean('a.b', false), false)
  for (const value of ['false', 'true', 0, 1, null, undefined, {}])
    assert.throws(() => checkBoolean('a.b', value), invalid(/takes true or false/))
})

test('takes a text that says something', () => {
  assert.equal(checkText('a.b', ' x'), ' x')
  for (const value of ['', '  ', '\t\n', 1, null, ['x'], new String('x')])
    assert.throws(() => checkText('a.b', value), invalid(/text that is not empty/))
})

test('takes one of the choices, by identity', () => {
  assert.equal(checkChoice('a.b', 'all', ['all', 'any']), 'all')
  assert.throws(() => checkChoice('a.b', 'Any', ['all', 'any']), invalid(/takes "all" or "any"; did you mean "any"\?/))
  for (const value of ['All', 'none', ['all'], undefined])
    assert.throws(() => checkChoice('a.b', value, ['all', 'any']), invalid(/takes "all" or "any"/))
})

test('takes a list with something in it', () => {
  assert.deepEqual(checkList('a.b', [1]), [1])
  for (const value of [[], 'x', { length: 1, 0: 'x' }, new Set([1]), null])
    assert.throws(() => checkList('a.b', value), invalid(/at least one entry/))
})

test('refuses keys that are no options, and says which was meant', () => {
  assert.doesNotThrow(() => checkKeys('a', { one: 1 }, ['one', 'two']))
  const unknown = (value: object, option: string, message: RegExp): void =>
    assert.throws(() => checkKeys('a', value, ['windowSeconds', 'quota']), { code: 'ERR_OPTION_UNKNOWN', option, message })
  unknown({ windowseconds: 1 }, 'a.windowseconds', /did you mean windowSeconds\?/)
  unknown({ windowMs: 1 }, 'a.windowMs', /did you mean windowSeconds\?/)
  unknown({ burst: 1 }, 'a.burst', /it takes windowSeconds, quota/)
  unknown(JSON.parse('{ "__proto__": { "quota": 1 } }'), 'a.__proto__', /is not an option/)
  for (const value of [null, undefined, [], 'x', 1]) assert.throws(() => checkKeys('a', value, ['one']), { code: 'ERR_OPTION_INVALID' })
})

test('never repeats a wrong value: it may be a secret', () => {
  const secret = '-----BEGIN PRIVATE KEY-----'
  for (const wrong of [
    () => checkInteger('a', secret, 0, 1),
    () => checkBoolean('a', secret),
    () => checkChoice('a', secret, ['x']),
    () => checkList('a', secret),
    () => checkKeys('a', secret, ['x']),
    () => checkText('a', [secret]),
  ])
    assert.throws(wrong, (error) => error instanceof MisuseError && !error.message.includes('PRIVATE'))
})

test('says in a word what a wrong value is', () => {
  const kinds: readonly (readonly [unknown, string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    ['', 'an empty text'],
    ['x', 'a text'],
    [[], 'an empty list'],
    [[1], 'a list'],
    [{}, 'an object'],
    [() => {}, 'a function'],
    [Symbol('x'), 'a symbol'],
  ]
  for (const [value, kind] of kinds) assert.equal(kindOf(value), kind)
})

test('names the option, the mending line and the page in the message', () => {
  const error = new MisuseError('ERR_OPTION_MISSING', 'jwt[0].audience', 'must be said', new Error('below'))
  assert.equal(error.message, 'jwt[0].audience: must be said (https://countersign.dev/errors/ERR_OPTION_MISSING)')
  assert.ok(error instanceof TypeError)
  assert.ok(error.cause instanceof Error)
  assert.equal(joinPath('', 'jwt'), 'jwt')
  assert.equal(joinPath('jwt', 'keys'), 'jwt.keys')
})
