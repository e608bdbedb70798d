import { extension, general, nameFrom, OID } from './certificate.js'
import { bytes, der, integer, oid, sequence } from './der.js'
import { type Mutation, oneOf, put } from './mutation.js'

const IPV4_TEN = [10, 0, 0, 0, 255, 0, 0, 0]

/** Bases of subtrees. */
const SUBTREES: Readonly<Record<string, Uint8Array>> = {
  'dns example.com': general.dns('example.com'),
  'dns .example.com': general.dns('.example.com'),
  'dns a.example.com': general.dns('a.example.com'),
  'dns EXAMPLE.com': general.dns('EXAMPLE.com'),
  'dns everything': general.dns(''),
  'dns garbage': general.dns('exa mple..com'),
  'uri .example.com': general.uri('.example.com'),
  'uri example.com': general.uri('example.com'),
  'uri with a scheme': general.uri('https://example.com'),
  'email example.com': general.email('example.com'),
  'email .example.com': general.email('.example.com'),
  'email x@example.com': general.email('x@example.com'),
  'ip 10.0.0.0/8': general.ip(...IPV4_TEN),
  'ip with a torn mask': general.ip(10, 0, 0, 0, 255, 0, 255, 0),
  'ip of seven octets': general.ip(10, 0, 0, 0, 255, 0, 0),
  'ip of six': general.ip(0x20, 1, 0xd, 0xb8, ...Array<number>(12).fill(0), 255, 255, 255, 255, ...Array<number>(12).fill(0)),
  'ip of nobody': general.ip(0, 0, 0, 0, 255, 255, 255, 255),
  'directory Shop': general.directory(nameFrom(['O', 'Shop'])),
  'directory shop': general.directory(nameFrom(['O', 'shop', 0x13])),
  'directory Elsewhere': general.directory(nameFrom(['O', 'Elsewhere'])),
  'directory everything': general.directory(sequence()),
  'registered id': general.registeredId('1.2.3.4'),
  'other name': general.other('1.3.6.1.4.1.311.20.2.3', der(0x0c, Buffer.from('example.com'))),
}

/** Constraints on names: one or two subtrees, permitted or excluded. */
const nameConstraints: Mutation = {
  name: 'nameConstraints',
  change(spec, { random }) {
    const bases = Array.from({ length: 1 + random.below(2) }, () => random.pick(Object.keys(SUBTREES)))
    const side = random.percent(60) ? 'permitted' : 'excluded'
    const bounds = random.percent(4) ? [der(0x80, bytes(1))] : random.percent(4) ? [der(0x81, bytes(3))] : []
    const subtrees = bases.flatMap((name) => SUBTREES[name] ?? []).map((base) => sequence(base, ...bounds))
    const critical = random.percent(80)
    put(spec, extension(OID.nameConstraints, critical, sequence(der(side === 'permitted' ? 0xa0 : 0xa1, ...subtrees))))
    return `${side} ${bases.join(', ')}${bounds.length === 0 ? '' : ', with a minimum or maximum'}${critical ? '' : ', not critical'}`
  },
}

const oddConstraints = oneOf('nameConstraints', {
  'of nothing': (spec) => put(spec, extension(OID.nameConstraints, true, sequence())),
  'of an empty list': (spec) => put(spec, extension(OID.nameConstraints, true, sequence(der(0xa0)))),
  garbage: (spec) => put(spec, extension(OID.nameConstraints, true, integer(1))),
})

export const POLICY = { one: '1.3.6.1.4.1.99999.10.1', two: '1.3.6.1.4.1.99999.10.2', any: '2.5.29.32.0' } as const

const policiesOf = (...policies: readonly string[]) =>
  extension(OID.policies, false, sequence(...policies.map((policy) => sequence(oid(policy)))))

const mappingsOf = (...pairs: readonly (readonly [string, string])[]) =>
  extension(OID.policyMappings, true, sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))))

const policies = oneOf('policies', {
  one: (spec) => put(spec, policiesOf(POLICY.one)),
  two: (spec) => put(spec, policiesOf(POLICY.two)),
  both: (spec) => put(spec, policiesOf(POLICY.one, POLICY.two)),
  any: (spec) => put(spec, policiesOf(POLICY.any)),
  'one and any': (spec) => put(spec, policiesOf(POLICY.one, POLICY.any)),
  'one, critical': (spec) => put(spec, { ...policiesOf(POLICY.one), critical: der(1, bytes(255)) }),
  'one twice': (spec) => put(spec, policiesOf(POLICY.one, POLICY.one)),
  garbage: (spec) => put(spec, extension(OID.policies, false, integer(1))),
})

const policyConstraints = oneOf('policyConstraints', {
  'explicit from here': (spec) => put(spec, extension(OID.policyConstraints, true, sequence(der(0x80, bytes(0))))),
  'explicit after one': (spec) => put(spec, extension(OID.policyConstraints, true, sequence(der(0x80, bytes(1))))),
  'no mapping from here': (spec) => put(spec, extension(OID.policyConstraints, true, sequence(der(0x81, bytes(0))))),
  'both after one': (spec) => put(spec, extension(OID.policyConstraints, true, sequence(der(0x80, bytes(1)), der(0x81, bytes(1))))),
  'of nothing': (spec) => put(spec, extension(OID.policyConstraints, true, sequence())),
  'no anyPolicy from here': (spec) => put(spec, extension(OID.inhibitAnyPolicy, true, integer(0))),
  'no anyPolicy after one': (spec) => put(spec, extension(OID.inhibitAnyPolicy, true, integer(1))),
  'no anyPolicy of garbage': (spec) => put(spec, extension(OID.inhibitAnyPolicy, true, der(2, bytes(0xff)))),
})

const policyMappings = oneOf('policyMappings', {
  'one to two': (spec) => put(spec, mappingsOf([POLICY.one, POLICY.two])),
  'two to one': (spec) => put(spec, mappingsOf([POLICY.two, POLICY.one])),
  'both to each other': (spec) => put(spec, mappingsOf([POLICY.one, POLICY.two], [POLICY.two, POLICY.one])),
  'from anyPolicy': (spec) => put(spec, mappingsOf([POLICY.any, POLICY.two])),
  'to anyPolicy': (spec) => put(spec, mappingsOf([POLICY.one, POLICY.any])),
  empty: (spec) => put(spec, mappingsOf()),
})

export const CONSTRAINT_MUTATIONS: readonly Mutation[] = [nameConstraints, nameConstraints, nameConstraints, oddConstraints]
export const POLICY_MUTATIONS: readonly Mutation[] = [policies, policyConstraints, policyMappings]
/** Every certificate of a world in which policies matter may carry them. */
export const LEAF_POLICY_MUTATION: Mutation = policies
