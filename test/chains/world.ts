import { createRandom, type Random } from '../differential/random.js'
import { type AuthorityLevel, buildAuthorities } from './authorities.js'
import { type CertificateSpec, certificateFrom, extension, general, leafSpec, nameFrom, OID } from './certificate.js'
import { boolean, integer, sequence } from './der.js'
import type { Key, KeyKind, KeyPool } from './keys.js'
import { LEAF_POLICY_MUTATION } from './mutate-authority.js'
import { EXTENSION_MUTATIONS, SAN_KINDS, SAN_MUTATION } from './mutate-extensions.js'
import { FIELD_MUTATIONS, issuer, subject } from './mutate-fields.js'
import { type Mutation, put } from './mutation.js'
import { LIST_CHANGES, listFrom, listSpec } from './revocation-list.js'

/** Authorities, lists and settings, and the leaves that are judged under them. */
export interface World {
  readonly index: number
  readonly anchors: readonly Uint8Array[]
  readonly untrusted: readonly Uint8Array[]
  readonly lists: readonly Uint8Array[]
  readonly settings: Settings
  /** What was done to it. */
  readonly labels: readonly string[]
  readonly leaves: readonly Leaf[]
}

export interface Leaf {
  readonly der: Uint8Array
  readonly labels: readonly string[]
}

export interface Settings {
  readonly purpose: 'client' | 'server' | 'any'
  /** `-x509_strict`. */
  readonly strict: boolean
  readonly revocation: 'leaf' | 'chain' | null
  readonly policies: PolicySettings | null
  /** A name that the leaf must hold. */
  readonly name: NameSetting | null
}

export interface NameSetting {
  readonly type: 'dns' | 'email' | 'ip'
  readonly value: string
}

export interface PolicySettings {
  readonly initial: readonly string[]
  readonly explicit: boolean
  readonly inhibitMapping: boolean
  readonly inhibitAny: boolean
}

/** Leaves of a world in which nothing is wrong with the authorities, and of others. */
const LEAVES = { sound: 14, changed: 7 }
const LEAF_KEYS: readonly KeyKind[] = ['p256', 'p256', 'p256', 'p256', 'p256', 'p256', 'p384', 'ed25519', 'rsa2048']

/** World so-and-so of a seed: each can be made again without those before it. */
export function createWorld(seed: number, index: number, keys: KeyPool): World {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const authorities = buildAuthorities(random, keys, index)
  const labels = [...authorities.labels]
  const sound = labels.length === 0
  const count = sound ? LEAVES.sound : LEAVES.changed
  const specs = Array.from({ length: count }, (_, at) =>
    leafOf(random, keys, authorities.levels, index * 100 + at, authorities.settings, sound && at > 0 ? 88 : 25, authorities.constrained),
  )
  const lists = authorities.settings.revocation === null ? [] : listsOf(random, keys, authorities.levels, specs[1] ?? null, labels)
  const leaves = specs.map(({ spec, labels: own }, at) => ({
    der: certificateFrom(spec),
    labels: at === 1 && labels.includes('crl lists: leaf') ? [...own, 'leaf is listed'] : own,
  }))
  const trusted = random.percent(3) ? leaves.slice(0, 1) : []
  const name = authorities.constrained && random.percent(40) ? random.pick(NAMES) : null
  return {
    index,
    anchors: [...authorities.anchors, ...trusted.map(({ der }) => der)],
    untrusted: authorities.untrusted,
    lists,
    settings: { ...authorities.settings, name },
    labels: [...labels, ...(name === null ? [] : [`name: ${name.type}`])],
    leaves: leaves.map((leaf) => (trusted.includes(leaf) ? { ...leaf, labels: [...leaf.labels, 'leaf is an anchor'] } : leaf)),
  }
}

const NAMES: readonly NameSetting[] = [
  { type: 'dns', value: 'a.example.com' },
  { type: 'dns', value: 'x.y.example.com' },
  { type: 'email', value: 'x@example.com' },
  { type: 'ip', value: '10.1.2.3' },
]

/** A leaf before it is signed. */
interface LeafSpec {
  readonly spec: CertificateSpec
  readonly labels: readonly string[]
}

function leafOf(
  random: Random,
  keys: KeyPool,
  levels: readonly AuthorityLevel[],
  serial: number,
  settings: Omit<Settings, 'name'>,
  share: number,
  constrained: boolean,
): LeafSpec {
  const above = levels.at(-1)
  if (above === undefined) throw new RangeError('no authority')
  const key = keys.of(random.pick(LEAF_KEYS), 8 + random.below(5))
  const varied = constrained || random.percent(15)
  const chosen = varied ? Array.from({ length: 1 + random.below(2) }, () => random.pick(Object.keys(SAN_KINDS))) : []
  const names = varied ? chosen.flatMap((name) => SAN_KINDS[name] ?? []) : [general.uri(`spiffe://prod.example/${serial}`)]
  const spec = leafSpec(nameFrom(['O', 'Shop'], ['CN', `leaf ${serial}`]), key, above, 10_000 + serial, names)
  const labels: string[] = varied ? [`leaf names: ${chosen.join(', ')}`] : []
  const mutate = ({ name, change }: Mutation): void => void labels.push(`leaf ${name}: ${change(spec, { random, keys })}`)
  if (settings.policies !== null && random.percent(85)) mutate(LEAF_POLICY_MUTATION)
  if (random.percent(share)) {
    for (let time = random.percent(20) ? 2 : 1; time > 0; time--) {
      if (random.percent(6)) labels.push(`leaf ${alone(random, spec, key)}`)
      else mutate(random.pick(LEAF_MUTATIONS))
    }
  }
  return { spec, labels }
}

const LEAF_MUTATIONS: readonly Mutation[] = [...FIELD_MUTATIONS, ...EXTENSION_MUTATIONS, SAN_MUTATION, SAN_MUTATION, subject, issuer]

/** Changes for which a leaf has to be known whole. */
function alone(random: Random, spec: CertificateSpec, key: Key): string {
  const way = random.pick(['self-signed', 'self-issued', 'an authority'])
  if (way === 'self-issued') spec.issuer = spec.subject
  if (way === 'self-signed') Object.assign(spec, { issuer: spec.subject, signer: key, signature: key.signature })
  if (way === 'an authority') {
    put(spec, extension(OID.basicConstraints, true, sequence(boolean(true))))
    put(spec, extension(OID.keyUsage, true, Uint8Array.of(3, 2, 1, 0x86)))
  }
  return way
}

function listsOf(
  random: Random,
  keys: KeyPool,
  levels: readonly AuthorityLevel[],
  listed: LeafSpec | null,
  labels: string[],
): Uint8Array[] {
  const lists: Uint8Array[] = []
  const missing = random.percent(8) ? random.below(levels.length) : -1
  const changed = random.percent(55) ? random.below(levels.length) : -1
  const listedAuthority = random.percent(10) && levels.length > 1 ? 1 + random.below(levels.length - 1) : -1
  const listedLeaf = random.percent(60)
  for (const [at, { name, key }] of levels.entries()) {
    const serials = [integer(1_000_000 + at)]
    const below = levels[at + 1]
    if (below !== undefined && at + 1 === listedAuthority) serials.push(below.spec.serial)
    if (below === undefined && listed !== null && listedLeaf) serials.push(listed.spec.serial)
    const spec = listSpec(name, key, serials)
    const way = random.pick(Object.keys(LIST_CHANGES))
    if (at === changed) LIST_CHANGES[way]?.(spec, keys.of('p256', 13))
    if (at === changed) labels.push(`crl ${at === levels.length - 1 ? 'of the issuer' : 'of an authority above'}: ${way}`)
    if (at !== missing) lists.push(listFrom(spec))
    else labels.push(`crl ${at === levels.length - 1 ? 'of the issuer' : 'of an authority above'}: missing`)
  }
  if (listedAuthority !== -1) labels.push('crl lists: authority')
  if (listedLeaf) labels.push('crl lists: leaf')
  if (listedLeaf && listed?.labels.some((label) => label.includes('serial')))
    labels.push('crl of the issuer: with a serial number that is odd')
  return lists
}
