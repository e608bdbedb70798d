import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDevAuthority } from '@countersign/issuer'
import { openssl } from './openssl.js'

for (const dotted of ['1.3.6.1.4.1.99999.60.2.1.3', '2.999.127.128.16383.16384', '0.39.1', '1.0.4294967296', '2.47.268435455'] as const) {
  test(`openssl reads the OID ${dotted} as it was given`, (t) => {
    const leaf = createDevAuthority().issue({ extendedKeyUsage: [dotted] })
    const text = openssl(t, ['x509', '-in', 'leaf', '-noout', '-text'], { leaf: leaf.certificatePem })
    assert.ok(text.includes(`Extended Key Usage: \n                ${dotted}\n`), text)
  })
}

for (const size of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
  test(`openssl accepts a certificate with an extension of ${size} bytes`, (t) => {
    const authority = createDevAuthority()
    const value = Buffer.alloc(size, 0x61)
    const leaf = authority.issue({ dns: ['orders'], extensions: [{ oid: '1.3.6.1.4.1.99999.2', value }] })
    const files = { ca: authority.certificatePem, leaf: leaf.certificatePem }
    assert.match(openssl(t, ['verify', '-CAfile', 'ca', 'leaf'], files), /: OK/)
    assert.ok(Buffer.from(leaf.certificateDer).includes(value))
  })
}

for (const [year, kind] of [
  [1970, 'UTCTIME'],
  [2049, 'UTCTIME'],
  [2050, 'GENERALIZEDTIME'],
  [2120, 'GENERALIZEDTIME'],
] as const) {
  test(`a date in ${year} is a ${kind}`, (t) => {
    const leaf = createDevAuthority().issue({ validFrom: new Date(Date.UTC(year, 1, 3, 4, 5, 6)), validSeconds: 1 })
    const [from, to] = openssl(t, ['asn1parse', '-in', 'leaf'], { leaf: leaf.certificatePem }).match(/(UTC|GENERALIZED)TIME +:\S+/g) ?? []
    const digits = (second: string) => `${String(year).slice(kind === 'UTCTIME' ? 2 : 0)}02030405${second}Z`
    assert.equal(from?.replace(/ +/, ''), `${kind}:${digits('06')}`)
    assert.equal(to?.replace(/ +/, ''), `${kind}:${digits('07')}`)
  })
}
