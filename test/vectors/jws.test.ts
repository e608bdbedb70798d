import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { verifyCompactJws } from '@countersign/token'
import { createTally, NO_HMAC, readVectors, type Tally } from './jose-tally.js'

type Jwk = Readonly<Record<string, unknown>>

// Every algorithm that an issuer can be configured with: then nothing but the key itself keeps a token from choosing.
const ALL = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA']
const PRIVATE_MEMBERS = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'])

async function accepts(jws: string, keys: readonly Jwk[], algorithms: readonly string[] = ALL): Promise<boolean> {
  return !isRefusal(await verifyCompactJws(jws, { keys }, algorithms))
}

function publicPart(jwk: Jwk): Jwk {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.has(name)))
}

/** The token with one bit of its signature turned. */
function damaged(jws: string): string {
  const [header, payload, signature = ''] = jws.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

/** A token that is good must be accepted, and refused under a damaged signature, and under any algorithm but its own. */
async function judgeGood(tally: Tally, id: string | number, jws: string, key: Jwk): Promise<void> {
  const alg = String((JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as Jwk)['alg'])
  const others = ALL.filter((name) => name !== alg)
  const right = (await accepts(jws, [key])) && !(await accepts(damaged(jws), [key])) && !(await accepts(jws, [key], others))
  tally.judge(id, right, 'is good')
}

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly public?: Jwk
    readonly private?: Jwk
    readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: string; readonly comment: string }[]
  }[]
}

// The file calls these four valid, but the header's algorithm is not the one that the key names: PS384 under a key for PS256, and
// ES512 under a key for "ES521", which is no algorithm (RFC 7517 §4.4, RFC 8725 §3.1).
const UPSTREAM_SLIPS = new Set([346, 347, 350, 351])

test('gives the right verdict on every JWS of Wycheproof', async () => {
  const tally = createTally('wycheproof/json_web_signature_test.json')
  let withHmac = 0
  for (const { public: publicKey, private: privateKey, tests } of readVectors<WycheproofFile>('wycheproof/json_web_signature_test.json')
    .testGroups) {
    const key = publicKey ?? privateKey ?? {}
    for (const { tcId, jws, result, comment } of tests) {
      if (key['kty'] === 'oct' && result === 'valid') {
        assert.equal(await accepts(jws, [key]), false)
        tally.skip(tcId, NO_HMAC)
        continue
      }
      if (key['kty'] === 'oct') withHmac++
      const good = result === 'valid' && !UPSTREAM_SLIPS.has(tcId)
      const pinned = typeof key['alg'] === 'string' ? [key['alg']] : ALL
      const verdicts = [await accepts(jws, [key], pinned), await accepts(jws, [key])]
      tally.judge(
        tcId,
        verdicts.every((verdict) => verdict === good),
        `${comment} must be ${good ? 'accepted' : 'refused'}`,
      )
    }
  }
  tally.print()
  console.log(
    `  of those ${UPSTREAM_SLIPS.size} (${[...UPSTREAM_SLIPS].join(', ')}) are called valid upstream, by mistake, and are refused`,
  )
  console.log(`  of those ${withHmac} are invalid under HMAC keys: refused, as every HMAC token is`)
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [377, 3])
})

interface CookbookFile {
  readonly title: string
  readonly input: { readonly key: Jwk | readonly Jwk[] }
  readonly output: { readonly compact?: string; readonly json?: object; readonly json_flat?: object }
}

test('gives the right verdict on every JWS of the JOSE cookbook (RFC 7520, RFC 7797, RFC 8037)', async () => {
  const tally = createTally('jose-cookbook')
  const files = ['jws', 'rfc7797'].flatMap((folder) =>
    readdirSync(new URL(`../../vectors/data/jose-cookbook/${folder}`, import.meta.url))
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => `${folder}/${name}`),
  )
  for (const file of [...files, 'curve25519/jws.json']) {
    const { input, output } = readVectors<CookbookFile>(`jose-cookbook/${file}`)
    const keys = [input.key].flat().map(publicPart)
    for (const serialization of [output.json, output.json_flat]) {
      if (serialization === undefined) continue
      tally.judge(`${file} as JSON`, !(await accepts(JSON.stringify(serialization), keys)), 'only the compact serialization is accepted')
    }
    const [key] = keys
    if (output.compact === undefined || key === undefined) continue
    if (file.startsWith('rfc7797/') || file.includes('detached')) {
      tally.judge(file, !(await accepts(output.compact, keys)), 'a payload that is not in the token must be refused')
    } else if (key['kty'] === 'oct') {
      assert.equal(await accepts(output.compact, keys), false)
      tally.skip(file, NO_HMAC)
    } else {
      await judgeGood(tally, file, output.compact, key)
    }
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [27, 1])
})

test('verifies the first of the cookbook’s multiple signatures, which is a compact JWS taken apart', async () => {
  const { input, output } = readVectors<CookbookFile & { output: { json: { payload: string; signatures: readonly Jwk[] } } }>(
    'jose-cookbook/jws/4_8.multiple_signatures.json',
  )
  const [signature] = output.json.signatures
  const [key] = [input.key].flat()
  assert(signature !== undefined && key !== undefined)
  const jws = `${signature['protected']}.${output.json.payload}.${signature['signature']}`
  assert.equal(await accepts(jws, [publicPart(key)]), true)
  assert.equal(await accepts(damaged(jws), [publicPart(key)]), false)
})

interface RfcExamples {
  readonly rfc7515: {
    readonly cases: readonly { readonly name: string; readonly jws: string; readonly jwk: Jwk | null; readonly expect: string }[]
  }
  readonly rfc9449: { readonly tokens: readonly string[] }
  readonly rfc8693: { readonly response: { readonly access_token: string } }
}

test('gives the right verdict on every token of the RFCs’ examples', async () => {
  const { rfc7515, rfc9449, rfc8693 } = readVectors<RfcExamples>('rfc-examples/examples.json')
  const tally = createTally('rfc-examples')
  for (const { name, jws, jwk, expect } of rfc7515.cases) {
    if (jwk === null) {
      assert.notEqual(expect, 'valid')
      tally.judge(name, !(await accepts(jws, [])), 'is not signed')
    } else if (jwk['kty'] === 'oct') {
      assert.equal(await accepts(jws, [jwk]), false)
      tally.skip(name, NO_HMAC)
    } else {
      await judgeGood(tally, name, jws, publicPart(jwk))
    }
  }
  for (const [index, token] of [...rfc9449.tokens, rfc8693.response.access_token].entries()) {
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Jwk
    const name = `RFC 9449 and 8693, token ${index + 1}`
    if (header['jwk'] === undefined) {
      tally.skip(name, 'its key is not published with it')
      continue
    }
    const found = await verifyCompactJws(token, { keys: [header['jwk']] }, ALL)
    tally.judge(name, isRefusal(found) && found.code === 'ERR_TOKEN_KEY_EMBEDDED', 'brings its own key')
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [7, 3])
})
