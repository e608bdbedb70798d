import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIssuerUrl, parsePlainUrl } from '@countersign/core'

test('reads a URL without user, password and fragment, and nothing else', () => {
  assert.equal(parsePlainUrl('https://issuer.example/jwks?v=1')?.href, 'https://issuer.example/jwks?v=1')
  for (const text of [
    '',
    '/jwks',
    'issuer.example',
    'https://me@issuer.example/',
    'https://:secret@issuer.example/',
    'https://issuer.example/#a',
  ])
    assert.equal(parsePlainUrl(text), null, text)
})

test('reads the URL of an issuer without query and fragment, be they empty', () => {
  assert.equal(parseIssuerUrl('https://issuer.example/mesh')?.pathname, '/mesh')
  for (const text of ['https://issuer.example/?a', 'https://issuer.example/?', 'https://issuer.example/#', 'https://me@issuer.example'])
    assert.equal(parseIssuerUrl(text), null, text)
})
