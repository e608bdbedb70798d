import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { parseClientCert, parseForwarded } from '@countersign/x509'
import { issuerDer, leafDer, rootDer } from './examples.js'
import { told } from './refused.js'

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
const LEAF = `:${base64(leafDer)}:`
const ISSUER = `:${base64(issuerDer)}:`
const ROOT = `:${base64(rootDer)}:`

test('reads a chain on one line and on several, with any optional white space', () => {
  for (const chain of [`${ISSUER},${ROOT}`, `${ISSUER} ,\t${ROOT}`, ` ${ISSUER}, ${ROOT} `]) {
    const result = parseClientCert(LEAF, chain)
    assert.ok(result !== null && !isRefusal(result) && result.kind === 'certificate')
    assert.deepEqual([result.leaf, result.intermediates], [leafDer, [issuerDer, rootDer]])
    assert.equal(result.provenance, 'proxy-passed-through')
  }
  const joined = parseForwarded('rfc9440', { 'client-cert': LEAF, 'client-cert-chain': [ISSUER, ROOT] })
  assert.ok(joined !== null && !isRefusal(joined) && joined.kind === 'certificate')
  assert.equal(joined.intermediates.length, 2)
})

test('reads base64 whose padding was left out', () => {
  assert.ok(LEAF.endsWith('==:'))
  assert.equal(told(parseClientCert(LEAF.replace('==:', ':'))), 'certificate')
})

test('refuses a list where one certificate belongs', () => {
  for (const value of [`${LEAF}, ${LEAF}`, `${LEAF},${ISSUER}`, `${LEAF},`, `,${LEAF}`, `${LEAF}, garbage`])
    assert.equal(told(parseClientCert(value)), 'AMBIGUOUS certificate list')
  assert.equal(told(parseForwarded('rfc9440', { 'client-cert': [LEAF, LEAF] })), 'AMBIGUOUS certificate repeated')
})

test('refuses what is no Byte Sequence, and one with parameters or anything else behind it', () => {
  for (const [value, reason] of [
    [base64(leafDer), 'byte-sequence'],
    [`:${base64(leafDer)}`, 'byte-sequence'],
    [`${base64(leafDer)}:`, 'byte-sequence'],
    [`${LEAF}:`, 'byte-sequence'],
    [`${LEAF} x`, 'byte-sequence'],
    [`${LEAF}${ISSUER}`, 'byte-sequence'],
    [`"${base64(leafDer)}"`, 'byte-sequence'],
    [':::', 'byte-sequence'],
    [`${LEAF};a=1`, 'parameters'],
    [LEAF.replace('==:', '=:'), 'base64'],
    [LEAF.replace('==:', '===:'), 'base64'],
    [LEAF.replace('aA==:', 'aB==:'), 'base64'],
    [LEAF.replace('/', '_'), 'base64'],
    [LEAF.replace('MII', 'M II'), 'base64'],
    [LEAF.replace('MII', 'MI%49'), 'base64'],
    [': :', 'base64'],
  ] as const)
    assert.equal(told(parseClientCert(value)), `MALFORMED certificate ${reason}`, value.slice(0, 40))
})

test('refuses a chain without a certificate, an empty member and a damaged one', () => {
  for (const absent of [null, undefined, '', '  ', ':', '::'])
    assert.equal(told(parseClientCert(absent, ISSUER)), 'MALFORMED chain chain-without-leaf')
  for (const chain of [`${ISSUER},`, `,${ISSUER}`, `${ISSUER},,${ROOT}`, `${ISSUER} ${ROOT}`, `(${ISSUER} ${ROOT})`])
    assert.equal(told(parseClientCert(LEAF, chain)), 'MALFORMED chain byte-sequence', chain.slice(0, 40))
  assert.equal(told(parseClientCert(LEAF, `${ISSUER},::`)), 'MALFORMED chain base64')
  assert.equal(told(parseClientCert(LEAF, `${ISSUER},${ROOT.replace('MII', 'MIJ')}`)), 'MALFORMED certificate intermediate')
  assert.equal(told(parseClientCert(LEAF.replace('MII', 'MIJ'), ISSUER)), 'MALFORMED certificate leaf')
})

test('refuses more octets and more members than are decoded', () => {
  assert.equal(told(parseClientCert(`:${'A'.repeat(21_852)}:`)), 'TOO_LARGE certificate bytes')
  assert.equal(told(parseClientCert(LEAF, Array(10).fill(ISSUER).join(','))), 'TOO_LARGE chain certificates')
  assert.equal(told(parseClientCert(LEAF, Array(9).fill(ISSUER).join(','))), 'certificate')
  assert.equal(told(parseClientCert(LEAF, ','.repeat(60_000))), 'TOO_LARGE chain certificates')
  assert.equal(told(parseClientCert(':'.repeat(2 ** 20))), 'TOO_LARGE certificate bytes')
})
