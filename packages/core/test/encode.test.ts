import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDer, encodePem, fieldSpelling } from '@countersign/core'

test('writes lengths of DER in their shortest form', () => {
  const headerFor = (length: number): readonly number[] => [...encodeDer(0x04, new Uint8Array(length))].slice(0, -length || undefined)
  assert.deepEqual(headerFor(0), [0x04, 0])
  assert.deepEqual(headerFor(127), [0x04, 127])
  assert.deepEqual(headerFor(128), [0x04, 0x81, 128])
  assert.deepEqual(headerFor(256), [0x04, 0x82, 1, 0])
  assert.deepEqual(headerFor(65_536), [0x04, 0x83, 1, 0, 0])
})

test('writes the parts of an element one after another', () => {
  assert.deepEqual([...encodeDer(0x30, encodeDer(0x05), Uint8Array.of(1, 2))], [0x30, 4, 5, 0, 1, 2])
})

test('writes PEM in lines of 64 characters', () => {
  assert.equal(encodePem('X509 CRL', new Uint8Array(49)), `-----BEGIN X509 CRL-----\n${'A'.repeat(64)}\nAA==\n-----END X509 CRL-----\n`)
})

test('spells names alike that CGI cannot tell apart', () => {
  assert.equal(fieldSpelling('x_ssl_client-cert'), 'x-ssl-client-cert')
})
