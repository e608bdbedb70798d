import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { checkAuthority, createPathReader } from '../dist/target.js'
import { inbound } from './fixture.js'

const pathOf = createPathReader([])

for (const [target, path] of [
  ['/', '/'],
  ['/invoices', '/invoices'],
  ['/invoices/', '/invoices/'],
  ['/invoices?from=2026&to=%2F..%2F', '/invoices'],
  ["/a-._~!$&'()*+,;=:@b/c", "/a-._~!$&'()*+,;=:@b/c"],
  ['/caf%C3%A9', '/caf%C3%A9'],
  ['/a%20b', '/a%20b'],
  ['/..a/b..', '/..a/b..'],
] as const) {
  test(`decides ${target} on its path`, () => assert.equal(pathOf(inbound({ target })), path))
}

for (const target of [
  '',
  'invoices',
  '//',
  '//admin',
  '/a//b',
  '/.',
  '/..',
  '/./a',
  '/a/..',
  '/a/../b',
  '/a/..?x',
  '/%2e%2e/admin',
  '/%2E',
  '/a%2fb',
  '/a%2Fb',
  '/a%5cb',
  '/a\\b',
  '/%61dmin',
  '/admi%6E',
  '/%7Euser',
  '/a%00',
  '/a%0d%0ab',
  '/a%7f',
  '/a%',
  '/a%2',
  '/a%zz',
  '/a%252e',
  '/a%25%32',
  '/a#b',
  '/a?b#c',
  '/a b',
  '/a\tb',
  '/a|b',
  '/a"b',
  '/a<b',
  '/é',
  '/%C0%AF',
  '/%FF',
  '/%E0%80%AF',
  '*',
  'http://evil.example/',
  'https://localhost:8443',
  'ftp://localhost:8443/',
  'localhost:8443',
]) {
  if (target === 'https://localhost:8443') continue
  test(`refuses the target ${JSON.stringify(target)}`, () => {
    const path = pathOf(inbound({ target }))
    assert.ok(isRefusal(path), `took it as ${String(path)}`)
    assert.equal(path.code, 'ERR_TARGET_NOT_CANONICAL')
  })
}

test('reads the path of an absolute form to its own authority, and of no other', () => {
  assert.equal(pathOf(inbound({ target: 'http://localhost:8443/a' })), '/a')
  assert.equal(pathOf(inbound({ target: 'https://LOCALHOST:8443' })), '/')
  assert.ok(isRefusal(pathOf(inbound({ target: 'http://localhost:8444/a' }))))
  assert.ok(isRefusal(pathOf(inbound({ target: 'http://localhost:8443/../a' }))))
  assert.ok(isRefusal(pathOf(inbound({ target: 'http://user@localhost:8443/a' }))))
})

test('takes an asterisk only with OPTIONS and an authority only with CONNECT', () => {
  assert.equal(pathOf(inbound({ method: 'OPTIONS', target: '*' })), '*')
  assert.equal(pathOf(inbound({ method: 'CONNECT', target: 'db.internal:5432' })), 'db.internal:5432')
  assert.ok(isRefusal(pathOf(inbound({ method: 'CONNECT', target: '/admin' }))))
})

test('takes an encoded slash only where a route opts in', () => {
  const opted = createPathReader([{ under: '/projects' }, '/one%2Ftwo'])
  assert.equal(opted(inbound({ target: '/projects/a%2Fb' })), '/projects/a%2Fb')
  assert.equal(opted(inbound({ target: '/one%2Ftwo' })), '/one%2Ftwo')
  assert.ok(isRefusal(opted(inbound({ target: '/other/a%2Fb' }))))
  assert.ok(isRefusal(opted(inbound({ target: '/projects/a%5Cb' }))))
})

test('a long hostile target costs no more than reading it', () => {
  const target = `${'/a'.repeat(8000)}%`
  assert.ok(isRefusal(pathOf(inbound({ target }))))
  assert.ok(isRefusal(pathOf(inbound({ target: '/'.repeat(16_000) }))))
})

const to = (serverName: string | null, authority: string | null) =>
  checkAuthority(inbound({ authority, connection: { serverName } }), true, false)?.code ?? null

test('answers 421 where the request names another host than the handshake', () => {
  assert.equal(to('billing.internal', 'orders.internal:8443'), 'ERR_MISDIRECTED')
  assert.equal(to('billing.internal', 'billing.internal.evil.example'), 'ERR_MISDIRECTED')
  assert.equal(to('billing.internal', 'xbilling.internal'), 'ERR_MISDIRECTED')
})

test('takes the host of the handshake with and without port, and IP literals', () => {
  assert.equal(to('billing.internal', 'billing.internal'), null)
  assert.equal(to('billing.internal', 'billing.internal:8443'), null)
  assert.equal(to('billing.internal', 'billing.internal.'), null)
  assert.equal(to('billing.internal', '127.0.0.1:8443'), null)
  assert.equal(to('billing.internal', '[::1]:8443'), null)
  assert.equal(to(null, 'anything.example'), null)
  assert.equal(checkAuthority(inbound({ authority: 'b', connection: { serverName: 'a' } }), false, false), null)
})

test('where a proxy may be in front, the log says what to do about a misdirected request', () => {
  const misdirected = inbound({ authority: 'b', connection: { serverName: 'a' } })
  assert.match(String(checkAuthority(misdirected, true, true)?.evidence?.['fix']), /authority: 'any'/)
  assert.equal(checkAuthority(misdirected, true, false)?.evidence?.['fix'], undefined)
})
