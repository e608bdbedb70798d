import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pemBlocks } from '@countersign/x509'
import { bytes } from './der.js'
import { armor } from './forge.js'

const [a, b] = [bytes(1, 2, 3), bytes(4, 5)]

test('reads the blocks with a label, in their order, and passes over the others', () => {
  const file = `# my CA\n${armor(a, 'CERTIFICATE')}\n  text\n${armor(b, 'X509 CRL')}${armor(b, 'CERTIFICATE')}`
  assert.deepEqual(pemBlocks(file, 'CERTIFICATE'), [a, b])
  assert.deepEqual(pemBlocks(file, 'X509 CRL'), [b])
  assert.deepEqual(pemBlocks(file, 'CERTIFICATE REQUEST'), [])
  assert.deepEqual(pemBlocks('', 'CERTIFICATE'), [])
})

test('reads Windows line ends and blocks that hold what is no base64 under another label', () => {
  assert.deepEqual(pemBlocks(armor(a, 'CERTIFICATE').replaceAll('\n', '\r\n'), 'CERTIFICATE'), [a])
  const encrypted = '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END RSA PRIVATE KEY-----\n'
  assert.deepEqual(pemBlocks(encrypted + armor(a, 'CERTIFICATE'), 'CERTIFICATE'), [a])
})

test('says that a file is damaged rather than to read half of it', () => {
  const whole = armor(a, 'CERTIFICATE') + armor(b, 'CERTIFICATE')
  for (const damaged of [
    whole.slice(0, -5),
    whole.slice(0, whole.lastIndexOf('-----END')),
    whole.slice(5),
    whole.replace('-----END CERTIFICATE', '-----END X509 CRL'),
    whole.replace('AQID', 'AQI*'),
    whole.replace('AQID', 'AQI'),
    whole.replace('AQID', 'AQJ='),
    whole.replace('AQID', '=QID'),
    whole.replace('-----BEGIN CERTIFICATE', '-----BEGIN certificate'),
    `${whole}-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n`,
  ]) {
    assert.equal(pemBlocks(damaged, 'CERTIFICATE'), null, JSON.stringify(damaged))
  }
})

test('does not read a text of lines that hold next to nothing', () => {
  assert.deepEqual(pemBlocks('\n'.repeat(9_000), 'X509 CRL'), [])
  assert.equal(pemBlocks('\n'.repeat(1_000_000), 'X509 CRL'), null)
  const large = armor(new Uint8Array(3_000_000), 'X509 CRL')
  assert.equal(pemBlocks(large, 'X509 CRL')?.[0]?.length, 3_000_000)
})
