import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { type AuthorizeOption, createAuthorizer } from '@countersign/policy'

const ALLOW = 'spiffe://d/a'

function misuse(authorize: unknown): MisuseError {
  try {
    createAuthorizer(authorize as AuthorizeOption)
  } catch (error) {
    assert.ok(error instanceof MisuseError, String(error))
    return error
  }
  return assert.fail(`took ${JSON.stringify(authorize)}`)
}

const CASES: readonly [claim: string, authorize: unknown, code: string, option: string, message: RegExp][] = [
  ['no option', undefined, 'ERR_OPTION_MISSING', 'authorize', /any-authenticated/],
  ['null', null, 'ERR_OPTION_INVALID', 'authorize', /spiffe:/],
  ['true', true, 'ERR_OPTION_INVALID', 'authorize', /takes a list/],
  ['a function, however truthy what it returns', () => true, 'ERR_OPTION_INVALID', 'authorize', /Authorizer/],
  ['a lone caller', 'spiffe://d/a', 'ERR_OPTION_INVALID', 'authorize', /takes a list/],
  ['an object with an authorize that is no function', { authorize: true }, 'ERR_OPTION_INVALID', 'authorize', /Authorizer/],
  ['a word for everybody in a list', [ALLOW, 'any-authenticated'], 'ERR_OPTION_INVALID', 'authorize[1]', /stands alone/],
  ['a word for everybody as a caller', [{ callers: 'anyone' }], 'ERR_OPTION_INVALID', 'authorize[0].callers', /stands alone/],
  ['an empty list', [], 'ERR_RULE_VACUOUS', 'authorize', /allows nobody/],
  ['a list that only denies', [{ callers: ALLOW, deny: true }], 'ERR_RULE_VACUOUS', 'authorize', /allows nobody/],
  ['a rule without a part', [{}], 'ERR_RULE_VACUOUS', 'authorize[0]', /names no part/],
  ['a denial without a part', [ALLOW, { deny: true }], 'ERR_RULE_VACUOUS', 'authorize[1]', /names no part/],
  ['a part that is undefined', [{ callers: undefined, methods: 'GET' }], 'ERR_RULE_VACUOUS', 'authorize[0].callers', /undefined/],
  ['empty callers', [{ callers: [] }], 'ERR_RULE_VACUOUS', 'authorize[0].callers', /empty list/],
  ['empty methods', [{ methods: [] }], 'ERR_RULE_VACUOUS', 'authorize[0].methods', /empty list/],
  ['empty paths', [{ paths: [] }], 'ERR_RULE_VACUOUS', 'authorize[0].paths', /empty list/],
  ['empty scopes', [{ callers: ALLOW, scopes: [] }], 'ERR_RULE_VACUOUS', 'authorize[0].scopes', /empty list/],
  ['empty claims', [{ claims: {} }], 'ERR_RULE_VACUOUS', 'authorize[0].claims', /names no claim/],
  ['an empty list for a claim', [{ claims: { a: [] } }], 'ERR_RULE_VACUOUS', 'authorize[0].claims.a', /empty list/],
  ['claims as a list', [{ claims: ['a'] }], 'ERR_OPTION_INVALID', 'authorize[0].claims', /takes an object/],
  ['a claim that is no text', [{ claims: { a: 1 } }], 'ERR_OPTION_INVALID', 'authorize[0].claims.a', /takes a text/],
  [
    'a caller narrowed down that another entry allows everything',
    [ALLOW, { callers: ALLOW, scopes: ['admin'] }],
    'ERR_RULE_VACUOUS',
    'authorize[1]',
    /changes nothing/,
  ],
  ['every path, written as under /', [{ paths: { under: '/' } }], 'ERR_RULE_VACUOUS', 'authorize[0].paths.under', /leave paths out/],
  ['deny: false', [{ callers: ALLOW, deny: false }], 'ERR_OPTION_INVALID', 'authorize[0].deny', /takes true/],
  ['a truthy deny', [ALLOW, { methods: 'GET', deny: 1 }], 'ERR_OPTION_INVALID', 'authorize[1].deny', /takes true/],
  ['scopes in a denial', [ALLOW, { scopes: ['x'], deny: true }], 'ERR_OPTION_CONTRADICTION', 'authorize[1].scopes', /allows/],
  ['an unknown part', [{ caller: ALLOW }], 'ERR_OPTION_UNKNOWN', 'authorize[0].caller', /callers/],
  ['an entry that is null', [null], 'ERR_OPTION_INVALID', 'authorize[0]', /takes an object/],
  ['a hole in the list', Object.assign([ALLOW], { 2: ALLOW }), 'ERR_OPTION_INVALID', 'authorize[1]', /takes an object/],
  ['an empty caller', [''], 'ERR_OPTION_INVALID', 'authorize[0]', /not empty/],
  ['a wildcard caller', ['spiffe://d/*'], 'ERR_OPTION_INVALID', 'authorize[0]', /under/],
  ['a lone star', ['*'], 'ERR_OPTION_INVALID', 'authorize[0]', /under/],
  ['a RegExp caller', [{ callers: /x/ }], 'ERR_OPTION_INVALID', 'authorize[0].callers', /under/],
  ['what is almost a SPIFFE ID', ['spiffe://D/a'], 'ERR_OPTION_INVALID', 'authorize[0]', /SPIFFE ID/],
  ['a caller matcher without a key', [{ callers: {} }], 'ERR_OPTION_INVALID', 'authorize[0].callers', /under/],
  ['a subject without an issuer', [{ callers: { subject: 'a' } }], 'ERR_OPTION_INVALID', 'authorize[0].callers.issuer', /text/],
  ['an issuer without a subject', [{ callers: { issuer: 'a' } }], 'ERR_OPTION_INVALID', 'authorize[0].callers.subject', /text/],
  [
    'two matchers in one',
    [{ callers: { anonymous: true, under: 'spiffe://d' } }],
    'ERR_OPTION_INVALID',
    'authorize[0].callers',
    /anonymous/,
  ],
  ['anonymous: false', [{ callers: { anonymous: false } }], 'ERR_OPTION_INVALID', 'authorize[0].callers', /anonymous: true/],
  ['a lower-case method', [{ methods: ['get'] }], 'ERR_OPTION_INVALID', 'authorize[0].methods[0]', /methods are upper case: write "GET"/],
  ['a star for a method', [{ methods: '*' }], 'ERR_OPTION_INVALID', 'authorize[0].methods', /leave methods out/],
  ['two methods in one text', [{ methods: 'GET, PUT' }], 'ERR_OPTION_INVALID', 'authorize[0].methods', /upper case/],
  ['a relative path', [{ paths: 'a' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /begins with/],
  ['a path with a star', [{ paths: '/a/*' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /under/],
  ['a path with a parameter', [{ paths: '/a/:id' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /under/],
  ['a path with braces', [{ paths: '/a/{id}' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /under/],
  ['a path with a query', [{ paths: '/a?b' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /query/],
  ['a path with a dot segment', [{ paths: '/a/../b' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /dot segment/],
  ['a path with an empty segment', [{ paths: '/a//b' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /empty segment/],
  ['a path with an encoded letter', [{ paths: '/%61' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /as it is/],
  ['a path with a bare space', [{ paths: '/a b' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /percent-encoded/],
  ['a path with a letter outside ASCII', [{ paths: '/é' }], 'ERR_OPTION_INVALID', 'authorize[0].paths', /percent-encoded/],
  [
    'a trailing slash below which nothing is',
    [{ paths: { under: '/a/' } }],
    'ERR_OPTION_INVALID',
    'authorize[0].paths.under',
    /write "\/a"/,
  ],
  ['one caller that is no list', 'spiffe://prod.example/orders', 'ERR_OPTION_INVALID', 'authorize', /put it in a list: \['spiffe:\/\/…'\]/],
  [
    'a regular expression for a path',
    [{ paths: /^\/a/ }],
    'ERR_OPTION_INVALID',
    'authorize[0].paths',
    /a regular expression is not taken: write \{ under: '\/…' \}/,
  ],
  [
    'a trust domain with its scheme',
    [{ callers: { trustDomain: 'spiffe://prod.example' } }],
    'ERR_OPTION_INVALID',
    'authorize[0].callers.trustDomain',
    /without spiffe:\/\//,
  ],
  ['one scope that is no list', [{ scopes: 'a' }], 'ERR_OPTION_INVALID', 'authorize[0].scopes', /takes a list/],
  ['two scopes in one text', [{ scopes: ['a b'] }], 'ERR_OPTION_INVALID', 'authorize[0].scopes[0]', /one scope/],
  ['a scope that would break out of a challenge', [{ scopes: ['a"b'] }], 'ERR_OPTION_INVALID', 'authorize[0].scopes[0]', /one scope/],
]

for (const [claim, authorize, code, option, message] of CASES) {
  test(`refuses ${claim}`, () => {
    const error = misuse(authorize)
    assert.equal(error.code, code)
    assert.equal(error.option, option)
    assert.match(error.message, message)
  })
}
