import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { type CertificateVerifier, verifyCrl } from '@countersign/x509'
import { commonName, der, integer, san, sequence, time as timeValue } from './der.js'
import { armor, ecKeys, extension, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, open, type Stage, stayAlive, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const orders = forge({ issuer: root, sans: [san.uri(ID)] })
const time = new Date(NOW_MS)

const PRIME = 0x01000193
const forwards = (state: number, octet: number): number => Math.imul(state ^ octet, PRIME)
const INVERSE = 0x359c449b
const backwards = (state: number, octet: number): number => Math.imul(state, INVERSE) ^ octet

/** Strings of five octets that take FNV-1a from one state to another. */
function bridges(from: number, to: number): number[][] {
  const ends = new Map<number, number[]>()
  for (let pair = 0; pair < 65_536; pair++) ends.set(backwards(backwards(to, pair & 255), pair >> 8), [pair >> 8, pair & 255])
  const found: number[][] = []
  for (let start = 0; start < 1 << 21; start++) {
    const state = forwards(forwards(forwards(from, start >> 16), (start >> 8) & 255), start & 255)
    const end = ends.get(state)
    if (end !== undefined) found.push([start >> 16, (start >> 8) & 255, start & 255, ...end])
  }
  return found
}

function serialsThatCollide(): Uint8Array[] {
  const second = bridges(12_345, 777)
  return bridges(forwards(0x811c9dc5 | 0, 1), 12_345).flatMap((first) => second.map((last) => Buffer.from([2, 11, 1, ...first, ...last])))
}

test('refuses a list whose serial numbers were chosen to collide, before its signature could be looked at', () => {
  const serials = serialsThatCollide().slice(0, 600)
  assert.equal(serials.length, 600)
  const chosen = verifyCrl({ crl: forgeCrl(root, { serials }), issuer: root.der, time })
  assert.ok(isRefusal(chosen))
  assert.equal(chosen.facts['reason'], 'malformed')
  const usual = verifyCrl({
    crl: forgeCrl(root, { serials: serials.map(() => Buffer.from([2, 11, 1, ...randomBytes(10)])) }),
    issuer: root.der,
    time,
  })
  assert.equal('entries' in usual && usual.entries, 600)
})

test('refuses an indirect list that writes the name of one issuer in a thousand ways and more', () => {
  const indirect = extension('2.5.29.28', true, sequence(der(0x84, Uint8Array.of(255))))
  const spelled = (i: number): Uint8Array => {
    const letters = [...'abcdefghijkl'].map((letter, bit) => ((i >> bit) & 1 ? letter.toUpperCase() : letter)).join('')
    const issuer = extension('2.5.29.29', true, sequence(der(0xa4, commonName(letters))))
    return sequence(integer(i + 1), timeValue(NOW_MS), sequence(issuer))
  }
  const listOf = (ways: number): Uint8Array =>
    forgeCrl(root, { entries: Array.from({ length: 2_000 }, (_, i) => spelled(i % ways)), extensions: [indirect] })
  const usual = verifyCrl({ crl: listOf(1_000), issuer: root.der, time })
  assert.ok('entries' in usual)
  const hostile = verifyCrl({ crl: listOf(1_001), issuer: root.der, time })
  assert.ok(isRefusal(hostile))
  assert.equal(hostile.facts['reason'], 'malformed')
})

interface Opened {
  readonly verifier: CertificateVerifier
  readonly stage: Stage
}

/** Lists behind a URL, one answer after another. */
async function served(t: Parameters<typeof open>[0], answers: readonly (Uint8Array | string)[]): Promise<Opened> {
  let asked = 0
  const fetch: typeof globalThis.fetch = async () => {
    const body = answers[Math.min(asked++, answers.length - 1)] ?? ''
    return new Response(typeof body === 'string' ? body : new Uint8Array(body))
  }
  const stage: Stage = Object.assign({ ...createStage(), fetch }, { clock: { nowMs: () => stage.nowMs } })
  const revocation = { crl: { urls: ['http://crl.test/ca.crl'] }, scope: 'leaf', timeoutMs: 50 } as const
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(root.der) }, clockSkewSeconds: 0, revocation }, stage)
  stayAlive(t)
  for (;;) {
    await settled()
    if (asked >= answers.length) break
    stage.nowMs += 301_000
    verifier.reload()
  }
  return { verifier, stage }
}

const forgedBy = (name: string): Uint8Array => forgeCrl(forgeCa({ subject: commonName(name) }), { signer: ecKeys().privateKey })

test('lists that nobody known has signed leave room for the one that counts', async (t) => {
  const forged = Array.from({ length: 64 }, (_, i) => armor(forgedBy(`stranger ${i}`), 'X509 CRL')).join('')
  const { verifier } = await served(t, [forged, forgeCrl(root)])
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('lists that nobody known has signed do not pile up', async (t) => {
  const { stage } = await served(t, [forgeCrl(root), forgedBy('a'), forgedBy('b'), forgedBy('c')])
  const counts = stage.events.filter(({ kind }) => kind === 'trust.reloaded').map(({ facts }) => facts['count'])
  assert.deepEqual(counts, [1, 2, 2, 2])
})

test('an answer of more lists than any authority has is not read', async (t) => {
  const { stage } = await served(t, [armor(forgeCrl(root), 'X509 CRL').repeat(1_001)])
  assert.match(String(stage.events[0]?.facts['reason']), /more than 1000 CRLs/)
})

test('a list that nobody known has signed is not fetched again as soon as it likes', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const forged = forgeCrl(forgeCa({ subject: commonName('stranger') }), { thisUpdateMs: NOW_MS - 1_000, nextUpdateMs: NOW_MS + 1_000 })
  let asked = 0
  const fetch: typeof globalThis.fetch = async () => {
    asked++
    return new Response(new Uint8Array(forged))
  }
  const revocation = { crl: { urls: ['http://crl.test/ca.crl'] } } as const
  const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
  open(t, { trust, revocation }, { ...createStage(), fetch })
  await settled()
  t.mock.timers.tick(50_000)
  await settled()
  assert.equal(asked, 1)
  t.mock.timers.tick(10_000)
  await settled()
  assert.equal(asked, 2)
})

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
