import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BytesRequest, FetchError, fetchBytes, readBounded } from '@countersign/core'

const requestWith = (over: Partial<BytesRequest> = {}): BytesRequest => ({
  server: 'the issuer',
  url: 'https://issuer.example/keys',
  accept: 'application/json',
  maxBytes: 4,
  timeoutMs: 20_000,
  signal: new AbortController().signal,
  ...over,
})
const answering = (body: string | ReadableStream<Uint8Array> | null, init?: ResponseInit) => async (): Promise<Response> =>
  new Response(body, init)
const failure = (message: RegExp) => (error: unknown) => error instanceof FetchError && message.test(error.message)
const streamOf = (pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void) => new ReadableStream<Uint8Array>({ pull })

test('fetches bytes up to the bound, and what the server says of their version', async () => {
  const fetched = await fetchBytes(requestWith(), answering('four', { headers: { etag: '"1"' } }))
  assert.deepEqual(fetched, { bytes: new TextEncoder().encode('four'), etag: '"1"', lastModified: null })
})

test('asks for what is newer, and says that nothing is', async () => {
  let asked: RequestInit | undefined
  const known = { etag: '"1"', lastModified: 'Thu, 26 Nov 2026 00:00:00 GMT' }
  const fetched = await fetchBytes(requestWith({ known }), async (_, init) => {
    asked = init
    return new Response(null, { status: 304 })
  })
  assert.deepEqual(fetched, { bytes: null, ...known })
  assert.equal(new Headers(asked?.headers).get('if-none-match'), '"1"')
  assert.equal(asked?.redirect, 'manual')
})

/** As `fetch` rejects. */
function distrust(): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }) })
}

const FAILURES: readonly (readonly [string, () => Promise<Response>, RegExp])[] = [
  ['no connection', () => Promise.reject(new Error('refused')), /^the issuer cannot be reached$/],
  ['a server whose certificate is not trusted', () => Promise.reject(distrust()), /^the issuer shows a certificate that is not trusted$/],
  ['a redirect', answering(null, { status: 302, headers: { location: 'https://other.example' } }), /^the issuer sends elsewhere$/],
  ['another status', answering('gone', { status: 410 }), /^the issuer did not answer with status 200$/],
  ['a status that was not asked for', answering(null, { status: 304 }), /sends elsewhere/],
  ['no body', answering(null), /^the answer is empty$/],
  ['a body without end', answering(streamOf((controller) => controller.enqueue(new Uint8Array(3)))), /^the answer is too large$/],
  ['a body that breaks off', answering(streamOf((controller) => controller.error(new Error('reset')))), /^the answer broke off$/],
]
for (const [name, fetch, message] of FAILURES) {
  test(`fetches nothing from ${name}`, () => assert.rejects(fetchBytes(requestWith(), fetch), failure(message)))
}

test('ends in time, and when it is told to, whether or not fetch heeds the signal', async () => {
  const never = (): Promise<Response> => new Promise(() => {})
  await assert.rejects(fetchBytes(requestWith({ timeoutMs: 1 }), never), failure(/^the issuer did not answer in time$/))
  await assert.rejects(fetchBytes(requestWith({ signal: AbortSignal.abort() }), never), failure(/in time/))
  const controller = new AbortController()
  const fetching = fetchBytes(requestWith({ signal: controller.signal }), never)
  controller.abort()
  await assert.rejects(fetching, failure(/in time/))
})

test('lets go of a body that is too long', async () => {
  let isReleased = false
  async function* endless() {
    try {
      for (;;) yield new Uint8Array(3)
    } finally {
      isReleased = true
    }
  }
  await assert.rejects(readBounded(endless(), 4), failure(/too large/))
  assert(isReleased)
})

test('a failure has the code of what failed at the root', () => {
  const root = Object.assign(new Error('root'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  assert.equal(new FetchError('it', { cause: new TypeError('fetch failed', { cause: root }) }).code, root.code)
  assert.equal(new FetchError('it', { cause: Object.assign(new Error('outer', { cause: root }), { code: 'OUTER' }) }).code, root.code)
  const circle = new Error('circle')
  circle.cause = circle
  for (const options of [undefined, { cause: circle }, { cause: { code: 'X' } }])
    assert.equal(new FetchError('it', options).code, undefined)
})
