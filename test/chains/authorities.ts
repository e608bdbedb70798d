import type { Random } from '../differential/random.js'
import { type Attribute, authoritySpec, type CertificateSpec, certificateFrom, DAY_MS, leafSpec, NOW_MS, nameFrom } from './certificate.js'
import { sequence, time } from './der.js'
import type { Key, KeyKind, KeyPool } from './keys.js'
import { CONSTRAINT_MUTATIONS, POLICY, POLICY_MUTATIONS } from './mutate-authority.js'
import { EXTENSION_MUTATIONS } from './mutate-extensions.js'
import { FIELD_MUTATIONS, issuer } from './mutate-fields.js'
import type { Mutation } from './mutation.js'
import type { PolicySettings, Settings } from './world.js'

/** One authority of a path, anchor first. */
export interface AuthorityLevel {
  readonly name: Uint8Array
  readonly key: Key
  readonly spec: CertificateSpec
}

export interface Authorities {
  readonly levels: readonly AuthorityLevel[]
  readonly anchors: readonly Uint8Array[]
  readonly untrusted: readonly Uint8Array[]
  readonly labels: readonly string[]
  readonly settings: Omit<Settings, 'name'>
  /** Are there constraints on names? */
  readonly constrained: boolean
}

/** Weights, so many of a hundred. */
const KEYS: readonly (readonly [KeyKind, number])[] = [
  ['p256', 76],
  ['rsa2048', 9],
  ['p384', 5],
  ['ed25519', 6],
  ['rsa1024', 2],
  ['secp256k1', 1],
  ['p224', 1],
]
/** How many authorities stand between anchor and leaf. */
const BETWEEN: readonly (readonly [number, number])[] = [
  [0, 12],
  [1, 40],
  [2, 24],
  [3, 10],
  [4, 8],
  [5, 6],
]

const AUTHORITY_MUTATIONS: readonly Mutation[] = [...FIELD_MUTATIONS, ...EXTENSION_MUTATIONS, ...CONSTRAINT_MUTATIONS, issuer]

export function buildAuthorities(random: Random, keys: KeyPool, index: number): Authorities {
  const labels: string[] = []
  const settings = settingsOf(random)
  const levels = levelsOf(random, keys, index, labels)
  const constrained = mutateLevels(random, keys, levels, settings, labels)
  const others: Uint8Array[] = []
  addSurroundings(random, keys, levels, others, labels)
  const ders = levels.map(({ spec }) => certificateFrom(spec))
  const cut = levels.length > 2 && settings.revocation === null && random.percent(7) ? 1 : 0
  if (cut === 1) labels.push('topology: the anchor has an issuer')
  const anchors = ders.slice(cut, cut + 1)
  const between = ders.slice(cut + 1)
  if (between.length > 0 && random.percent(4)) {
    between.splice(random.below(between.length), 1)
    labels.push('topology: an intermediate is missing')
  }
  const untrusted = [...between, ...others, ...(random.percent(15) ? ders.slice(0, 1) : [])]
  return { levels, anchors, untrusted: shuffled(untrusted, random), labels, settings, constrained }
}

function settingsOf(random: Random): Omit<Settings, 'name'> {
  const revocation = random.percent(14) ? random.pick(['leaf', 'chain'] as const) : null
  const policies = revocation === null && random.percent(18) ? policiesOf(random) : null
  return {
    purpose: random.pick(['client', 'client', 'client', 'client', 'server', 'any']),
    strict: random.percent(20),
    revocation,
    policies,
  }
}

function policiesOf(random: Random): PolicySettings {
  return {
    // openssl takes none for none at all, where RFC 5280 §6.1.1 (c) has any-policy: it is said.
    initial: random.pick([[POLICY.any], [POLICY.one], [POLICY.two], [POLICY.one, POLICY.two]]),
    explicit: random.percent(50),
    inhibitMapping: random.percent(20),
    inhibitAny: random.percent(20),
  }
}

function levelsOf(random: Random, keys: KeyPool, index: number, labels: string[]): AuthorityLevel[] {
  const between = weighted(random, BETWEEN)
  const levels: AuthorityLevel[] = []
  for (let at = 0; at <= between; at++) {
    const kind = weighted(random, KEYS)
    const above = levels.at(-1)
    const key = keys.of(kind, at)
    const rollover = above !== undefined && random.percent(3)
    const attributes: readonly Attribute[] = [
      ['O', 'Shop'],
      ['CN', `World ${index} authority ${at}`],
    ]
    const name = rollover ? above.name : random.percent(0.7) ? sequence() : nameFrom(...attributes)
    if (rollover) labels.push('topology: self-issued intermediate')
    if (name.length === 2) labels.push('authority subject: empty')
    if (kind === 'rsa1024' || kind === 'secp256k1' || kind === 'p224') labels.push(`authority signs with ${kind}`)
    const spec = authoritySpec(name, key, above ?? { name, key }, 100 + at)
    if (random.percent(2.5)) {
      const [way, written] = random.pick(otherwise(attributes))
      // The certificate has its subject in another form than those below it have their issuer.
      spec.subject = written
      if (at === 0) spec.issuer = written
      labels.push(`authority subject: ${way}`)
    }
    levels.push({ name, key, spec })
  }
  return levels
}

function weighted<T>(random: Random, choices: readonly (readonly [T, number])[]): T {
  return random.pick(choices.flatMap(([value, weight]) => Array<T>(weight).fill(value)))
}

function otherwise(attributes: readonly Attribute[]): readonly (readonly [string, Uint8Array])[] {
  const each = (change: (attribute: Attribute) => Attribute): Uint8Array => nameFrom(...attributes.map(change))
  return [
    ['PrintableString', each(([type, value]) => [type, value, 0x13])],
    ['upper case', each(([type, value]) => [type, value.toUpperCase()])],
    ['two spaces', each(([type, value]) => [type, value.replaceAll(' ', '  ')])],
    ['spaces around', each(([type, value]) => [type, ` ${value} `])],
    ['BMPString', each(([type, value]) => [type, value.replace(/./g, '\0$&'), 0x1e])],
    ['TeletexString', each(([type, value]) => [type, value, 0x14])],
    ['another order', nameFrom(...[...attributes].reverse())],
  ]
}

function mutateLevels(
  random: Random,
  keys: KeyPool,
  levels: readonly AuthorityLevel[],
  settings: Omit<Settings, 'name'>,
  labels: string[],
): boolean {
  const mutate = (at: number, { name, change }: Mutation): void => {
    const level = levels[at]
    if (level !== undefined) labels.push(`${at === 0 ? 'anchor' : 'authority'} ${name}: ${change(level.spec, { random, keys })}`)
  }
  if (settings.policies !== null) {
    for (const at of levels.keys()) {
      if (at > 0 && random.percent(85) && POLICY_MUTATIONS[0] !== undefined) mutate(at, POLICY_MUTATIONS[0])
      if (random.percent(25)) mutate(at, random.pick(POLICY_MUTATIONS))
    }
  } else if (random.percent(4)) mutate(random.below(levels.length), random.pick(POLICY_MUTATIONS))
  const times = settings.revocation === null && random.percent(55) ? (random.percent(15) ? 2 : 1) : 0
  for (let time = 0; time < times; time++) {
    // An anchor is changed less often: half of what is in it counts for nothing there.
    const at = random.percent(20) ? 0 : Math.min(levels.length - 1, 1 + random.below(Math.max(1, levels.length - 1)))
    mutate(at, random.pick(random.percent(30) ? CONSTRAINT_MUTATIONS : AUTHORITY_MUTATIONS))
  }
  return labels.some((label) => label.includes('nameConstraints'))
}

/** Other certificates that are around: of no use, or of as much as the right ones. */
function addSurroundings(random: Random, keys: KeyPool, levels: readonly AuthorityLevel[], others: Uint8Array[], labels: string[]): void {
  const stranger = { name: nameFrom(['O', 'Elsewhere'], ['CN', 'root']), key: keys.of('p256', 12) }
  if (random.percent(10)) {
    others.push(certificateFrom(authoritySpec(stranger.name, stranger.key, stranger, 7)))
    others.push(certificateFrom(leafSpec(nameFrom(['CN', 'x']), keys.of('p256', 11), stranger, 8, [])))
  }
  const crossed = levels.at(-1)
  const above = levels.at(-2)
  if (crossed === undefined || above === undefined) return
  if (random.percent(6)) {
    others.push(certificateFrom(authoritySpec(crossed.name, crossed.key, stranger, 9)))
    labels.push('topology: cross-signed by a stranger')
  }
  if (random.percent(4)) {
    const spec = authoritySpec(crossed.name, crossed.key, above, 10)
    const way = random.pick(['expired', 'with a wrong signature', 'of another key', 'again'])
    if (way === 'expired') spec.notAfter = time(NOW_MS - DAY_MS / 2)
    if (way === 'with a wrong signature') spec.signer = stranger.key
    if (way === 'of another key')
      Object.assign(spec, { spki: stranger.key.spki, extensions: authoritySpec(crossed.name, stranger.key, above, 10).extensions })
    others.push(certificateFrom(spec))
    labels.push(`topology: another certificate for the issuer, ${way}`)
  }
  if (random.percent(3)) {
    others.push(certificateFrom(authoritySpec(above.name, above.key, crossed, 11)))
    labels.push('topology: a loop')
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const rest = [...list]
  return Array.from(list, () => rest.splice(random.below(rest.length), 1)).flat()
}
