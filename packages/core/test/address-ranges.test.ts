import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileAddressRanges, MisuseError } from '@countersign/core'

const MATCHES: readonly [ranges: string | readonly string[], address: string | null, matches: boolean][] = [
  ['10.0.0.7', '10.0.0.7', true],
  ['10.0.0.7', '10.0.0.8', false],
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['192.0.2.128/25', '192.0.2.128', true],
  ['192.0.2.128/25', '192.0.2.127', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '::ffff:a01:203', true],
  ['10.0.0.0/8', '::10.1.2.3', false],
  ['::ffff:10.0.0.0/104', '10.1.2.3', true],
  ['::ffff:a00:0/104', '11.1.2.3', false],
  ['::1', '::1', true],
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['::1', '127.0.0.1', false],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  [['10.0.0.0/8', '::1'], '::1', true],
  [['10.0.0.0/8', '::1'], '10.0.0.1', true],
  [['10.0.0.0/8', '::1'], '192.0.2.1', false],
  ['10.0.0.0/8', null, false],
  ['10.0.0.0/8', '', false],
  ['10.0.0.0/8', '10.1.2', false],
  ['10.0.0.0/8', '10.1.2.3%eth0', true],
]

for (const [ranges, address, matches] of MATCHES)
  test(`${ranges} ${matches ? 'holds' : 'does not hold'} ${address}`, () =>
    assert.equal(compileAddressRanges('dangerouslyAddress', ranges)(address), matches))

const REFUSED: readonly [claim: string, value: unknown, option: string, message: RegExp][] = [
  ['every IPv4 address', '0.0.0.0/0', 'dangerouslyAddress', /every IPv4 address: whoever reaches this service would be trusted/],
  ['every address', ['::1', '::/0'], 'dangerouslyAddress[1]', /holds every address: whoever reaches/],
  ['an IPv6 range that holds every IPv4 address', '::/8', 'dangerouslyAddress', /every IPv4 address/],
  ['every IPv4-mapped address', '::ffff:0:0/96', 'dangerouslyAddress', /every IPv4 address/],
  ['bits beyond the prefix', '10.0.0.1/8', 'dangerouslyAddress', /bits beyond its prefix.*without \/8/],
  ['bits beyond the prefix of IPv6', '2001:db8::1/32', 'dangerouslyAddress', /bits beyond its prefix/],
  ['an empty list', [], 'dangerouslyAddress', /at least one entry/],
  ['an empty text', '', 'dangerouslyAddress', /not empty/],
  ['nothing', undefined, 'dangerouslyAddress', /text/],
  ['a number', [10], 'dangerouslyAddress[0]', /text/],
  ['a name', 'localhost', 'dangerouslyAddress', /takes an address/],
  ['a prefix above 32', '10.0.0.0/33', 'dangerouslyAddress', /takes an address/],
  ['a prefix above 128', '::1/129', 'dangerouslyAddress', /takes an address/],
  ['a prefix with a leading zero', '10.0.0.0/08', 'dangerouslyAddress', /takes an address/],
  ['no prefix after the slash', '10.0.0.0/', 'dangerouslyAddress', /takes an address/],
  ['a mask', '10.0.0.0/255.0.0.0', 'dangerouslyAddress', /takes an address/],
  ['a zone', 'fe80::1%eth0', 'dangerouslyAddress', /takes an address/],
  ['a list in one text', '10.0.0.1,10.0.0.2', 'dangerouslyAddress', /takes an address/],
]

for (const [claim, value, option, message] of REFUSED) {
  test(`does not take ${claim}`, () => {
    assert.throws(
      () => compileAddressRanges('dangerouslyAddress', value),
      (error) => {
        assert.ok(error instanceof MisuseError)
        assert.deepEqual([error.code, error.option], ['ERR_OPTION_INVALID', option])
        assert.match(error.message, message)
        return true
      },
    )
  })
}
