import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkMethod, checkPath, foldPath } from '@countersign/core'

test('takes methods in upper case, also unusual ones', () => {
  for (const method of ['GET', 'M-SEARCH', 'PROPFIND']) assert.equal(checkMethod('methods', method), method)
})

test('takes canonical paths', () => {
  for (const path of ['/', '/a', '/a/', '/a.b/c-d_e~', '/a%20b', '/a;v=1', '/@me', '/a/..b', "/it's"])
    assert.equal(checkPath('paths', path), path)
})

const refused = (check: (option: string, value: unknown) => string, value: unknown, message: RegExp): void =>
  assert.throws(() => check('routes[0]', value), { code: 'ERR_OPTION_INVALID', option: 'routes[0]', message })

test('refuses a method that no request has, with the one that was meant', () => {
  refused(checkMethod, 'get', /write "GET"/)
  refused(checkMethod, '*', /leave methods out/)
  refused(checkMethod, 'GET POST', /methods are upper case/)
  refused(checkMethod, '', /text that is not empty/)
})

test('refuses a path that no request that gets here has, and every pattern', () => {
  refused(checkPath, 'health', /begins with \//)
  refused(checkPath, 'https://a/health', /begins with \//)
  for (const path of ['/health*', '/users/:id', '/users/{id}']) refused(checkPath, path, /knows no pattern: write \{ under/)
  for (const path of ['/a?x', '/a#x']) refused(checkPath, path, /without a query/)
  for (const path of ['/a/../b', '/./a', '/a/.', '/..']) refused(checkPath, path, /dot segment/)
  for (const path of ['//a', '/a//b', '/a//']) refused(checkPath, path, /empty segment/)
  for (const path of ['/a b', '/é', '/a%', '/a%2', '/a\\b', '/a\nb', '/a"b']) refused(checkPath, path, /percent-encoded/)
  for (const path of ['/%61dmin', '/a%2Db', '/a%7e']) refused(checkPath, path, /stands as it is/)
})

test('folds every spelling that a lenient router takes for the same path into one', () => {
  for (const path of ['/admin', '/Admin', '/ADMIN/', '//admin', '/%61dmin', '/admin//']) assert.equal(foldPath(path)[0], '/admin', path)
  assert.equal(foldPath('/')[0], '/')
  assert.equal(foldPath('//')[0], '/')
})

test('reads a path with parameters in every way a router may', () => {
  const readings = foldPath('/admin;x=1/users')
  for (const reading of ['/admin;x=1/users', '/admin', '/admin/users']) assert.ok(readings.includes(reading), reading)
})

test('reads a path that ends with a slash as something below it too', () => {
  assert.ok(foldPath('/admin/').some((reading) => reading.startsWith('/admin/') && reading.length > '/admin/'.length))
  assert.deepEqual(foldPath('/admin'), ['/admin'])
})

test('does not throw on what cannot be decoded', () => {
  for (const path of ['/%', '/%zz', '/%c3%28', '/%ff']) assert.ok(foldPath(path).length > 0)
})
