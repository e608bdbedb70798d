import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainRequest, type ReferenceName, verifyChain } from '@countersign/x509'
import { createTally } from './jose-tally.js'
import { readSharedVectors } from './shared-vectors.js'

interface PeerName {
  readonly kind: 'DNS' | 'IP' | 'RFC822'
  readonly value: string
}

interface LimboCase {
  readonly id: string
  readonly features: readonly string[]
  readonly validation_kind: 'SERVER' | 'CLIENT'
  readonly trusted_certs: readonly string[]
  readonly untrusted_intermediates: readonly string[]
  readonly peer_certificate: string
  readonly validation_time: string | null
  readonly expected_result: 'SUCCESS' | 'FAILURE'
  readonly expected_peer_name: PeerName | null
  readonly expected_peer_names: readonly PeerName[]
  readonly max_chain_depth: number | null
  readonly crls: readonly string[]
}

interface Tiers {
  readonly cases: Readonly<Record<string, { readonly tier: 'consensus' | 'disputed' | 'pedantic' }>>
}

const NAME_TYPES = { DNS: 'dns', IP: 'ip', RFC822: 'email' } as const

const KEY_IDS =
  'RFC 5280 §4.2.1.1 and §4.2.1.2 tell CAs to write key identifiers, to help to find the path; a path that was found needs none, and private roots often lack them'
const OF_THE_ROOT = 'a rule of the CA/Browser Forum for public roots; nothing is read from the authority key identifier of an anchor'
const COMMON_NAME = 'a rule of the CA/Browser Forum about the common name, which is never a name here'
const EKU_FORM = 'a rule of the CA/Browser Forum about the form of the extension, which RFC 5280 §4.2.1.12 leaves open'
const PUBLIC_SUFFIX = 'there is no list of public suffixes here; a wildcard with one label behind it is refused'
const OCTETS = 'a rule of the CA/Browser Forum; RFC 5280 and RFC 8017 know moduli of any size'

/** Where we decide otherwise than the case, and why. Whoever starts to agree leaves this list. */
const DEVIATIONS: ReadonlyMap<string, string> = new Map([
  ['rfc5280::aki::leaf-missing-aki', KEY_IDS],
  ['rfc5280::aki::intermediate-missing-aki', KEY_IDS],
  ['rfc5280::aki::cross-signed-root-missing-aki', KEY_IDS],
  ['rfc5280::ski::root-missing-ski', KEY_IDS],
  ['rfc5280::ski::intermediate-missing-ski', KEY_IDS],
  [
    'rfc5280::nc::permitted-dns-match-noncritical',
    'the constraints are enforced whether critical or not; webpki::nc::permitted-dns-match-noncritical asks for that',
  ],
  [
    'rfc5280::pc::ica-noncritical-pc',
    'the policy constraints are enforced whether critical or not: RFC 5280 §4.2.1.11 tells the CA, not us',
  ],
  [
    'rfc5280::san::noncritical-with-empty-subject',
    'RFC 5280 §4.1.2.6 tells the CA to mark the extension; it is read and enforced whether critical or not',
  ],
  ['rfc5280::san::underscore-dns', 'names of services in private networks have underscores; nothing is mistaken for anything else'],
  [
    'rfc5280::root-non-critical-basic-constraints',
    'RFC 5280 §4.2.1.9 tells the CA to mark the extension; it is enforced whether critical or not, and private roots often do not mark it',
  ],
  ['webpki::aki::root-with-aki-missing-keyidentifier', OF_THE_ROOT],
  ['webpki::aki::root-with-aki-authoritycertissuer', OF_THE_ROOT],
  ['webpki::aki::root-with-aki-authoritycertserialnumber', OF_THE_ROOT],
  ['webpki::aki::root-with-aki-all-fields', OF_THE_ROOT],
  ['webpki::aki::root-with-aki-ski-mismatch', OF_THE_ROOT],
  ['webpki::cn::ipv4-hex-mismatch', COMMON_NAME],
  ['webpki::cn::ipv4-leading-zeros-mismatch', COMMON_NAME],
  ['webpki::cn::ipv6-uppercase-mismatch', COMMON_NAME],
  ['webpki::cn::ipv6-uncompressed-mismatch', COMMON_NAME],
  ['webpki::cn::ipv6-non-rfc5952-mismatch', COMMON_NAME],
  ['webpki::cn::punycode-not-in-san', COMMON_NAME],
  ['webpki::cn::utf8-vs-punycode-mismatch', COMMON_NAME],
  ['webpki::cn::not-in-san', COMMON_NAME],
  ['webpki::cn::case-mismatch', COMMON_NAME],
  ['webpki::eku::ee-anyeku', EKU_FORM],
  ['webpki::eku::ee-critical-eku', EKU_FORM],
  ['webpki::eku::root-has-eku', EKU_FORM],
  ['webpki::san::public-suffix-multi-label-wildcard-san', PUBLIC_SUFFIX],
  ['webpki::san::public-suffix-private-namespace-wildcard-san', PUBLIC_SUFFIX],
  [
    'webpki::san::san-critical-with-nonempty-subject',
    'a rule of the CA/Browser Forum; RFC 5280 §4.2.1.6 has it as a recommendation to the CA, and the extension is understood',
  ],
  ['webpki::forbidden-rsa-not-divisible-by-8-in-root', OCTETS],
  ['webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf', OCTETS],
])

/** Cases that ask for what an option is for: each is run with its option. */
const OPTIONS: ReadonlyMap<string, Partial<ChainRequest>> = new Map([
  // RFC 5280 alone lets a CA be the last certificate of a path; webpki::ca-as-leaf has the default.
  ['pathlen::validation-ignores-pathlen-in-leaf', { allowCaAsLeaf: true }],
  ['rfc5280::ca-as-leaf', { allowCaAsLeaf: true }],
  ['rfc5280::ca-as-leaf-wrong-san', { allowCaAsLeaf: true }],
  // Without the extension a leaf is good for everything, unless it is asked to list serverAuth itself.
  ['webpki::eku::ee-without-eku', { strictExtendedKeyUsage: true }],
])

function requestOf(limbo: LimboCase): ChainRequest {
  const expected = limbo.validation_kind === 'SERVER' && limbo.expected_peer_name !== null ? [limbo.expected_peer_name] : []
  const names: ReferenceName[] = [...expected, ...limbo.expected_peer_names].map(({ kind, value }) => ({ type: NAME_TYPES[kind], value }))
  return {
    leaf: limbo.peer_certificate,
    intermediates: limbo.untrusted_intermediates,
    anchors: limbo.trusted_certs,
    purpose: limbo.validation_kind === 'SERVER' ? 'server' : 'client',
    names,
    ...(limbo.validation_time === null ? {} : { time: new Date(limbo.validation_time) }),
    ...(limbo.max_chain_depth === null ? {} : { maxDepth: limbo.max_chain_depth }),
    ...(limbo.crls.length === 0 ? {} : { crls: limbo.crls, revocation: { mode: 'require', scope: 'leaf' } }),
    ...OPTIONS.get(limbo.id),
  }
}

test('gives the verdict that x509-limbo asks for, but for the deviations that are listed with their reasons', (t) => {
  const limbo = readSharedVectors<{ readonly testcases: readonly LimboCase[] }>(t, 'x509-limbo/limbo-core.json')
  const tiers = readSharedVectors<Tiers>(t, 'x509-limbo/limbo-core-tiers.json')
  if (limbo === null || tiers === null) return
  const counts = new Map<string, { ran: number; right: number }>()
  const tally = createTally('x509-limbo/limbo-core.json')
  for (const one of limbo.testcases) {
    const tier = tiers.cases[one.id]?.tier ?? 'unknown'
    const agrees = verifyChain(requestOf(one)).valid === (one.expected_result === 'SUCCESS')
    const count = counts.get(tier) ?? { ran: 0, right: 0 }
    counts.set(tier, { ran: count.ran + 1, right: count.right + (agrees ? 1 : 0) })
    const deviation = DEVIATIONS.get(one.id)
    if (deviation !== undefined && !agrees) tally.deviate(one.id, deviation)
    else
      tally.judge(
        one.id,
        deviation === undefined && agrees,
        `${one.expected_result}; ${agrees ? 'is listed as a deviation' : 'is not listed'}`,
      )
    if (deviation !== undefined) assert.notEqual(tier, 'consensus', `${one.id}: nobody disputes it`)
  }
  tally.print()
  for (const [tier, { ran, right }] of counts) console.log(`  ${tier}: ${ran} ran, ${right} right`)
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.deviating, tally.skipped], [197, DEVIATIONS.size, 0])
  assert.deepEqual(counts.get('consensus'), { ran: 135, right: 135 })
})

test('gives each case of x509-limbo the same verdict whatever the order of its certificates', (t) => {
  const limbo = readSharedVectors<{ readonly testcases: readonly LimboCase[] }>(t, 'x509-limbo/limbo-core.json')
  if (limbo === null) return
  for (const one of limbo.testcases) {
    const request = requestOf(one)
    const turned = { ...request, intermediates: [...(request.intermediates ?? [])].reverse(), anchors: [...request.anchors].reverse() }
    const [result, again] = [verifyChain(request), verifyChain(turned)]
    assert.deepEqual(result.valid || result.code, again.valid || again.code, one.id)
  }
})
