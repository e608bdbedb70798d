import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { partitionKeyOfAddress } from '@countersign/core'
import fc from 'fast-check'

const CASES: readonly [claim: string, address: string | null, key: string][] = [
  ['IPv4 counts alone', '192.0.2.1', '192.0.2.1'],
  ['an IPv4-mapped address is its IPv4 address', '::ffff:1.2.3.4', '1.2.3.4'],
  ['so it is in hexadecimal', '::ffff:102:304', '1.2.3.4'],
  ['so it is in full', '0:0:0:0:0:FFFF:0102:0304', '1.2.3.4'],
  ['so it is with a zone', '::ffff:1.2.3.4%eth0', '1.2.3.4'],
  ['an IPv6 address that ends in dotted form is an IPv6 address', '2001:db8::1.2.3.4', '2001:db8:0:0::/64'],
  ['IPv6 counts by its /64', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['the loopback address is one of its own network', '::1', '0:0:0:0::/64'],
  ['IPv4-compatible is not IPv4-mapped', '::1.2.3.4', '0:0:0:0::/64'],
  ['ffff in another group maps nothing', '::ffff:0:1.2.3.4', '0:0:0:0::/64'],
  ['NAT64 is the IPv4 address behind it', '64:ff9b::1.2.3.4', '1.2.3.4'],
  ['so it is in hexadecimal', '64:ff9b::102:304', '1.2.3.4'],
  ['a local NAT64 prefix is not the well-known one', '64:ff9b:1::102:304', '64:ff9b:1:0::/64'],
  ['6to4 counts by its /48', '2002:c000:201:1::1', '2002:c000:201::/48'],
  ['each of its networks does', '2002:c000:201:ffff::2', '2002:c000:201::/48'],
  ['a zone is no part of an address', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['neither is another one', 'fe80::1%1', 'fe80:0:0:0::/64'],
  ['no address is unknown', null, 'unknown'],
  ['so is an empty one', '', 'unknown'],
  ['an octet above 255', '1.2.3.256', 'unknown'],
  ['an octet that might be octal', '01.2.3.4', 'unknown'],
  ['three octets', '1.2.3', 'unknown'],
  ['an IPv4 address in hexadecimal', '0x1.2.3.4', 'unknown'],
  ['two gaps', '1::2::3', 'unknown'],
  ['nine groups', '1:2:3:4:5:6:7:8:9', 'unknown'],
  ['a gap of one group', '1:2:3:4:5:6:7::', '1:2:3:4::/64'],
  ['eight groups and a gap', '1:2:3:4:5:6:7:8::', 'unknown'],
  ['dotted form in the middle', '1.2.3.4::1', 'unknown'],
  ['three colons', ':::1', 'unknown'],
  ['a lone colon at the end', '1:2:3:4:5:6:7:', 'unknown'],
  ['brackets', '[::1]', 'unknown'],
  ['a port', '1.2.3.4:80', 'unknown'],
  ['five digits', '10000::', 'unknown'],
]

for (const [claim, address, key] of CASES) test(`${claim}: ${address} → ${key}`, () => assert.equal(partitionKeyOfAddress(address), key))

const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((octets) => octets.join('.'))
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })

/** The system's own parser: how it would write the address. */
function canonical(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

test('every IPv4 address has the same key however it is mapped, and no other one has', () => {
  fc.assert(
    fc.property(ipv4, ipv4, (address, other) => {
      assert.equal(partitionKeyOfAddress(address), address)
      assert.equal(partitionKeyOfAddress(`::ffff:${address}`), address)
      assert.equal(partitionKeyOfAddress(canonical(`::ffff:${address}`)), address)
      assert.equal(partitionKeyOfAddress(canonical(`64:ff9b::${address}`)), address)
      assert.equal(partitionKeyOfAddress(address) === partitionKeyOfAddress(`::ffff:${other}`), address === other)
    }),
  )
})

test('an IPv6 address has the same key in each of its notations, and that of its network', () => {
  fc.assert(
    fc.property(groups, groups, (one, other) => {
      fc.pre(one[0] !== 0 && one[0] !== 0x2002 && one[0] !== 0x64)
      const full = one.map((group) => group.toString(16).padStart(4, '0')).join(':')
      const neighbour = [...one.slice(0, 4), ...other.slice(4)].map((group) => group.toString(16)).join(':')
      assert.equal(
        partitionKeyOfAddress(full),
        `${one
          .slice(0, 4)
          .map((group) => group.toString(16))
          .join(':')}::/64`,
      )
      for (const same of [full.toUpperCase(), canonical(full), `${full}%eth0`, neighbour])
        assert.equal(partitionKeyOfAddress(same), partitionKeyOfAddress(full), same)
      assert.equal(
        partitionKeyOfAddress(full) === partitionKeyOfAddress(other.map((group) => group.toString(16)).join(':')),
        one.slice(0, 4).join() === other.slice(0, 4).join(),
      )
    }),
  )
})

test('what Node takes for an address has a key, and what it does not has none', () => {
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.::%') }),
    fc.tuple(fc.ipV6(), fc.constantFrom(':', '.', '0', '::', ' ')).map(([address, more]) => address + more),
  )
  fc.assert(
    fc.property(texts, (text) => {
      fc.pre(!text.includes('%'))
      assert.equal(partitionKeyOfAddress(text) === 'unknown', isIP(text) === 0)
    }),
    { numRuns: 2000 },
  )
})
