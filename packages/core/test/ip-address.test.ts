import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { ipTextOf, parseIpAddress } from '@countersign/core'

/** RFC 5952 §4 and §5. */
const CANONICAL: readonly [written: string, canonical: string][] = [
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['1:0:0:0:0:0:0:0', '1::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['0.0.0.0', '0.0.0.0'],
  ['::192.0.2.1', '::c000:201'],
]

for (const [written, canonical] of CANONICAL) {
  test(`${written} is ${canonical}`, () => {
    const address = parseIpAddress(written)
    assert.ok(address !== null)
    assert.equal(ipTextOf(address), canonical)
    assert.deepEqual(parseIpAddress(canonical), address)
  })
}

test('takes what Node takes for an address, and nothing else', () => {
  const atoms = ['0', '1', '255', '256', '01', 'f', 'ffff', '10000', 'g', ':', '::', '.', '', ' ', '-', '%1', '[', ']']
  let seed = 1
  for (let round = 0; round < 200_000; round++) {
    let text = ''
    const length = round % 16
    for (let index = 0; index < length; index++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      const atom = atoms[(seed >>> 16) % atoms.length]
      text += index % 2 === 0 ? atom : (seed & 0x100) === 0 ? ':' : '.'
    }
    assert.equal(parseIpAddress(text) !== null, isIP(text) !== 0 && !text.includes('%'), text)
  }
})
