import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificate, verifyChain } from '@countersign/x509'
import { createTally } from './jose-tally.js'
import { readSharedVectors } from './shared-vectors.js'

interface BetterTls {
  /** Base64 of the DER. */
  readonly trustRoot: string
  readonly suites: {
    readonly pathbuilding: {
      readonly testCases: readonly {
        readonly id: number
        /** Leaf first. */
        readonly certificates: readonly string[]
        readonly hostname: string
        readonly requiredFeatures: readonly string[] | null
        readonly expected: 'ACCEPT' | 'REJECT'
        /** To accept is no failure. */
        readonly failureIsWarning: boolean
      }[]
    }
  }
}

test('finds the path of every case of BetterTLS that has one, and none where there is none', (t) => {
  const vectors = readSharedVectors<BetterTls>(t, 'bettertls/pathbuilding.tests.upstream-2023.json')
  if (vectors === null) return
  const tally = createTally('bettertls/pathbuilding.tests.upstream-2023.json')
  for (const { id, certificates, hostname, requiredFeatures, expected } of vectors.suites.pathbuilding.testCases) {
    const [leaf = '', ...others] = certificates
    const [leafDer = new Uint8Array(0), ...intermediates] = [leaf, ...others].map((text) => Buffer.from(text, 'base64'))
    const expiry = requiredFeatures?.includes('INVALID_REASON_EXPIRED') ?? false
    const [first = 0] = [leafDer, ...intermediates].map((der) => parseCertificate(der).validTo.getTime()).sort((a, b) => a - b)
    const result = verifyChain({
      leaf: leafDer,
      intermediates,
      anchors: [Buffer.from(vectors.trustRoot, 'base64')],
      purpose: 'server',
      names: [{ type: 'dns', value: hostname }],
      // Where one has to have expired, as soon as the first of them has.
      time: 1000 + (expiry ? first : parseCertificate(leafDer).validFrom.getTime()),
    })
    tally.judge(id, result.valid === (expected === 'ACCEPT'), `${expected}, but ${result.valid ? 'accepted' : result.code}`)
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [81, 0])
})
