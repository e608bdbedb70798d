import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientAddressFromForwarded, clientAddressFromXForwardedFor } from '@countersign/core'

type Row = readonly [claim: string, value: string, hops: number, address: string | null]

const FOR_ROWS: readonly Row[] = [
  ['takes the address that the proxy saw', '203.0.113.9', 1, '203.0.113.9'],
  ['counts from the right', '6.6.6.6, 203.0.113.9, 198.51.100.7', 1, '198.51.100.7'],
  ['takes the second from the right with two proxies', '6.6.6.6, 203.0.113.9, 198.51.100.7', 2, '203.0.113.9'],
  ['takes no spaces, or many, around a comma', '203.0.113.9,198.51.100.7 \t,  10.0.0.1\t ', 2, '198.51.100.7'],
  ['knows nothing where fewer proxies were passed than there should be', '203.0.113.9', 2, null],
  ['knows nothing of an empty value', '', 1, null],
  ['takes an empty element for one', '203.0.113.9,, 10.0.0.1', 2, null],
  ['takes a trailing comma for an element', '203.0.113.9,', 1, null],
  ['takes a leading comma for an element', ',203.0.113.9', 2, null],
  ['does not look further left than it must', 'garbage "[,;, 203.0.113.9', 1, '203.0.113.9'],
  ['takes IPv4 with a port, as Azure writes it', '203.0.113.9:51234', 1, '203.0.113.9'],
  ['takes IPv6', '2001:db8::1', 1, '2001:db8::1'],
  ['takes IPv6 in brackets', '[2001:db8::1]', 1, '2001:db8::1'],
  ['takes IPv6 in brackets with a port', '[2001:db8::1]:51234', 1, '2001:db8::1'],
  ['writes IPv6 in one way', '2001:0DB8:0:0:1:0:0:1', 1, '2001:db8::1:0:0:1'],
  ['writes an IPv4-mapped address as IPv4', '::ffff:203.0.113.9', 1, '203.0.113.9'],
  ['writes one in hexadecimal so too', '[::ffff:cb00:7109]:80', 1, '203.0.113.9'],
  ['refuses unknown', 'unknown', 1, null],
  ['refuses a hidden name', '_hidden', 1, null],
  ['refuses a name', 'localhost', 1, null],
  ['refuses a port above 65535', '203.0.113.9:65536', 1, null],
  ['refuses a port of six digits', '203.0.113.9:000080', 1, null],
  ['refuses an empty port', '203.0.113.9:', 1, null],
  ['refuses a signed port', '203.0.113.9:+80', 1, null],
  ['refuses an address that is not closed', '[2001:db8::1', 1, null],
  ['refuses IPv4 in brackets', '[203.0.113.9]', 1, null],
  ['refuses text after the brackets', '[2001:db8::1]x', 1, null],
  ['refuses a zone', 'fe80::1%eth0', 1, null],
  ['refuses a quoted address', '"203.0.113.9"', 1, null],
  ['refuses an octet that might be octal', '203.0.113.09', 1, null],
  ['refuses two addresses in one element', '203.0.113.9 198.51.100.7', 1, null],
  ['refuses other white space', '203.0.113.9\u00a0', 1, null],
  ['refuses a value that is too long', `203.0.113.9, ${' '.repeat(4096)}198.51.100.7`, 1, null],
  ['counts no hops from the left', '203.0.113.9', 0, null],
]

const FORWARDED_ROWS: readonly Row[] = [
  ['takes the address that the proxy saw', 'for=203.0.113.9', 1, '203.0.113.9'],
  ['counts from the right', 'for=6.6.6.6, for=203.0.113.9;by=198.51.100.7', 1, '203.0.113.9'],
  ['takes the second from the right with two proxies', 'for=6.6.6.6,for=203.0.113.9 ,\tfor=10.0.0.1', 2, '203.0.113.9'],
  ['knows nothing where fewer proxies were passed than there should be', 'for=203.0.113.9', 2, null],
  ['reads the name in any case, at any place', 'proto=https;BY=_x;For=203.0.113.9;host=a.example', 1, '203.0.113.9'],
  ['takes IPv6 in quotes', 'for="[2001:db8:cafe::17]"', 1, '2001:db8:cafe::17'],
  ['takes IPv6 with a port', 'For="[2001:db8:cafe::17]:4711"', 1, '2001:db8:cafe::17'],
  ['takes IPv4 with a port', 'for="192.0.2.43:47011"', 1, '192.0.2.43'],
  ['takes a port that hides one', 'for="192.0.2.43:_sec-RET.1"', 1, '192.0.2.43'],
  ['takes escapes', 'for="\\1\\9\\2.0.2.43\\:47011"', 1, '192.0.2.43'],
  ['writes an IPv4-mapped address as IPv4', 'for="[::ffff:c000:22b]"', 1, '192.0.2.43'],
  ['is not misled by a comma in quotes', 'for=203.0.113.9;host="a, for=6.6.6.6"', 1, '203.0.113.9'],
  ['is not misled by an escaped quote', 'for=203.0.113.9;host="a\\", for=6.6.6.6"', 1, '203.0.113.9'],
  ['takes empty parameters', ';for=203.0.113.9;;', 1, '203.0.113.9'],
  ['takes an empty element for one', 'for=203.0.113.9, , for=10.0.0.1', 2, null],
  ['refuses a quote that the client left open', 'for="6.6.6.6, for=203.0.113.9', 1, null],
  ['refuses a quote that swallows what the proxy wrote', 'for=6.6.6.6;x=", for="[2001:db8::1]"', 1, null],
  ['refuses unknown', 'for=unknown', 1, null],
  ['refuses a hidden name', 'for="_gazonk"', 1, null],
  ['refuses an element without for', 'for=203.0.113.9, by=10.0.0.1', 1, null],
  ['refuses for twice in an element', 'for=6.6.6.6;for=203.0.113.9', 1, null],
  ['refuses it in another case too', 'for=6.6.6.6;FOR=203.0.113.9', 1, null],
  ['refuses spaces within an element', 'for=203.0.113.9; by=10.0.0.1', 1, null],
  ['refuses a space before the value', 'for= 203.0.113.9', 1, null],
  ['refuses a parameter without a value', 'for', 1, null],
  ['refuses an empty value', 'for=', 1, null],
  ['refuses an empty quoted value', 'for=""', 1, null],
  ['refuses IPv6 without quotes', 'for=[2001:db8::1]', 1, null],
  ['refuses IPv6 without brackets', 'for="2001:db8::1"', 1, null],
  ['refuses IPv4 in brackets', 'for="[203.0.113.9]"', 1, null],
  ['refuses a port that is none', 'for="203.0.113.9:_"', 1, null],
  ['refuses text after the quotes', 'for="203.0.113.9"x', 1, null],
  ['refuses a zone', 'for="[fe80::1%25eth0]"', 1, null],
  ['refuses a control character in quotes', 'for=203.0.113.9;host="\u0000"', 1, null],
  ['refuses malformed text of the client, since nobody can tell where it ends', '???, for=203.0.113.9, =', 2, null],
  ['knows nothing of an empty value', '', 1, null],
  ['refuses a value that is too long', `for=203.0.113.9, ${' '.repeat(4096)}for=198.51.100.7`, 1, null],
]

for (const [claim, value, hops, address] of FOR_ROWS)
  test(`X-Forwarded-For: ${claim}: ${value.slice(0, 60)}`, () => assert.equal(clientAddressFromXForwardedFor(value, hops), address))
for (const [claim, value, hops, address] of FORWARDED_ROWS)
  test(`Forwarded: ${claim}: ${JSON.stringify(value.slice(0, 60))}`, () => assert.equal(clientAddressFromForwarded(value, hops), address))

test('a client that sends what it likes never decides for more than the elements to the left of its own', () => {
  const pieces = ['for=6.6.6.6', '"', '\\', ',', ';', '=', ' ', 'x="', '[', ']', ':', 'for="', '6.6.6.6', '\\"']
  const appended = ', for="[2001:db8::7]:4711";proto=https'
  for (let seed = 0; seed < 20_000; seed++) {
    let rest = seed
    let sent = ''
    for (let count = 0; count < 5; count++) {
      sent += pieces[rest % pieces.length]
      rest = Math.floor(rest / pieces.length)
    }
    const address = clientAddressFromForwarded(sent + appended, 1)
    assert.ok(address === null || address === '2001:db8::7', `${sent} → ${address}`)
    assert.equal(clientAddressFromXForwardedFor(`${sent}, 2001:db8::7`, 1), '2001:db8::7', sent)
  }
})
