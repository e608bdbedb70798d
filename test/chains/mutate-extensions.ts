import { CERT_SIGN, type CertificateSpec, CRL_SIGN, DIGITAL_SIGNATURE, extension, general, nameFrom, OID, PURPOSE } from './certificate.js'
import { boolean, bytes, der, integer, NULL, namedBits, octets, oid, sequence, text } from './der.js'
import { drop, find, type Mutation, oneOf, put } from './mutation.js'

const basicConstraints = (critical: boolean, ...content: readonly Uint8Array[]) =>
  extension(OID.basicConstraints, critical, sequence(...content))

const constraints = oneOf('basicConstraints', {
  absent: (spec) => drop(spec, OID.basicConstraints),
  'CA FALSE': (spec) => put(spec, basicConstraints(true)),
  'CA FALSE written out': (spec) => put(spec, basicConstraints(true, boolean(false))),
  'CA TRUE': (spec) => put(spec, basicConstraints(true, boolean(true))),
  'CA TRUE of BER': (spec) => put(spec, basicConstraints(true, der(1, bytes(1)))),
  'not critical': (spec) => {
    const one = find(spec, OID.basicConstraints)
    if (one !== undefined) one.critical = null
  },
  'pathLen 0': (spec) => put(spec, basicConstraints(true, boolean(true), integer(0))),
  'pathLen 1': (spec) => put(spec, basicConstraints(true, boolean(true), integer(1))),
  'pathLen 5': (spec) => put(spec, basicConstraints(true, boolean(true), integer(5))),
  'pathLen huge': (spec) => put(spec, basicConstraints(true, boolean(true), integer(2n ** 70n))),
  'pathLen negative': (spec) => put(spec, basicConstraints(true, boolean(true), der(2, bytes(0xff)))),
  'pathLen without CA': (spec) => put(spec, basicConstraints(true, integer(0))),
  garbage: (spec) => put(spec, extension(OID.basicConstraints, true, bytes(0x30, 5, 1))),
  'another type': (spec) => put(spec, extension(OID.basicConstraints, true, integer(1))),
  'octets after it': (spec) => put(spec, extension(OID.basicConstraints, true, Buffer.concat([sequence(boolean(true)), bytes(0)]))),
})

const usage = (critical: boolean, ...positions: readonly number[]) => extension(OID.keyUsage, critical, namedBits(positions))

const keyUsage = oneOf('keyUsage', {
  absent: (spec) => drop(spec, OID.keyUsage),
  'not critical': (spec) => {
    const one = find(spec, OID.keyUsage)
    if (one !== undefined) one.critical = null
  },
  ...Object.fromEntries(
    Array.from({ length: 9 }, (_, bit) => [`bit ${bit} alone`, (spec: CertificateSpec) => put(spec, usage(true, bit))] as const),
  ),
  'no bit': (spec) => put(spec, usage(true)),
  'a zero octet': (spec) => put(spec, extension(OID.keyUsage, true, der(3, bytes(7, 0)))),
  'bits that are not in use set': (spec) => put(spec, extension(OID.keyUsage, true, der(3, bytes(1, 0x87)))),
  'keyCertSign and digitalSignature': (spec) => put(spec, usage(true, DIGITAL_SIGNATURE, CERT_SIGN, CRL_SIGN)),
  'keyCertSign without cRLSign': (spec) => put(spec, usage(true, CERT_SIGN)),
  'keyAgreement and keyEncipherment': (spec) => put(spec, usage(true, 2, 4)),
  garbage: (spec) => put(spec, extension(OID.keyUsage, true, octets(bytes(1)))),
})

const eku = (critical: boolean, ...purposes: readonly string[]) => extension(OID.extendedKeyUsage, critical, sequence(...purposes.map(oid)))

const extendedKeyUsage = oneOf('extendedKeyUsage', {
  absent: (spec) => drop(spec, OID.extendedKeyUsage),
  clientAuth: (spec) => put(spec, eku(false, PURPOSE.clientAuth)),
  serverAuth: (spec) => put(spec, eku(false, PURPOSE.serverAuth)),
  both: (spec) => put(spec, eku(false, PURPOSE.serverAuth, PURPOSE.clientAuth)),
  'both, critical': (spec) => put(spec, eku(true, PURPOSE.serverAuth, PURPOSE.clientAuth)),
  any: (spec) => put(spec, eku(false, PURPOSE.any)),
  'any and serverAuth': (spec) => put(spec, eku(false, PURPOSE.any, PURPOSE.serverAuth)),
  codeSigning: (spec) => put(spec, eku(false, PURPOSE.codeSigning)),
  'codeSigning, critical': (spec) => put(spec, eku(true, PURPOSE.codeSigning)),
  'codeSigning and clientAuth': (spec) => put(spec, eku(false, PURPOSE.codeSigning, PURPOSE.clientAuth)),
  'one unheard of': (spec) => put(spec, eku(false, '1.2.3.4.5')),
  empty: (spec) => put(spec, eku(false)),
  garbage: (spec) => put(spec, extension(OID.extendedKeyUsage, false, integer(1))),
})

const sanOf = (critical: boolean, ...names: readonly Uint8Array[]) => extension(OID.subjectAltName, critical, sequence(...names))

export const SAN_KINDS: Readonly<Record<string, Uint8Array>> = {
  'dns inside': general.dns('a.example.com'),
  'dns outside': general.dns('a.example.org'),
  'dns deep': general.dns('x.y.example.com'),
  'dns itself': general.dns('example.com'),
  'dns upper case': general.dns('A.EXAMPLE.COM'),
  'dns wildcard': general.dns('*.example.com'),
  'dns wildcard outside': general.dns('*.com'),
  'uri inside': general.uri('spiffe://prod.example.com/orders'),
  'uri outside': general.uri('spiffe://prod.example.org/orders'),
  'uri itself': general.uri('https://example.com/x'),
  'uri with port': general.uri('https://user@a.example.com:8443/x'),
  'uri of an address': general.uri('https://10.1.2.3/x'),
  'uri without host': general.uri('urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
  'email inside': general.email('x@example.com'),
  'email below': general.email('x@mail.example.com'),
  'email outside': general.email('x@example.org'),
  'email upper case': general.email('X@EXAMPLE.COM'),
  'ip inside': general.ip(10, 1, 2, 3),
  'ip outside': general.ip(192, 168, 1, 1),
  'ip of six': general.ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  'directory inside': general.directory(nameFrom(['O', 'Shop'], ['CN', 'x'])),
  'directory outside': general.directory(nameFrom(['O', 'Elsewhere'], ['CN', 'x'])),
  'registered id': general.registeredId('1.2.3.4'),
  'other name': general.other('1.3.6.1.4.1.311.20.2.3', text('x@example.com')),
}

const subjectAltName = oneOf('subjectAltName', {
  absent: (spec) => drop(spec, OID.subjectAltName),
  empty: (spec) => put(spec, sanOf(false)),
  critical: (spec) => {
    const one = find(spec, OID.subjectAltName)
    if (one !== undefined) one.critical = boolean(true)
  },
  garbage: (spec) => put(spec, extension(OID.subjectAltName, false, integer(1))),
  'a name of no kind': (spec) => put(spec, sanOf(false, der(0x8b, bytes(1)))),
  'a NUL': (spec) => put(spec, sanOf(false, general.dns('a.example.com\0.evil.example'))),
  'an empty dns': (spec) => put(spec, sanOf(false, general.dns(''))),
  'an address of five octets': (spec) => put(spec, sanOf(false, general.ip(10, 0, 0, 1, 2))),
  'not ASCII': (spec) => put(spec, sanOf(false, text('b\xfccher.example', 0x82))),
  'a space': (spec) => put(spec, sanOf(false, general.dns('a b.example.com'))),
  ...Object.fromEntries(
    Object.entries(SAN_KINDS).map(([name, value]) => [name, (spec: CertificateSpec) => put(spec, sanOf(false, value))] as const),
  ),
})

const keyIds = oneOf('key identifiers', {
  'no subject key identifier': (spec) => drop(spec, OID.subjectKeyId),
  'another subject key identifier': (spec) => put(spec, extension(OID.subjectKeyId, false, octets(bytes(1, 2, 3)))),
  'an empty subject key identifier': (spec) => put(spec, extension(OID.subjectKeyId, false, octets(bytes()))),
  'subject key identifier critical': (spec) => {
    const one = find(spec, OID.subjectKeyId)
    if (one !== undefined) one.critical = boolean(true)
  },
  'no authority key identifier': (spec) => drop(spec, OID.authorityKeyId),
  'another authority key identifier': (spec) => put(spec, extension(OID.authorityKeyId, false, sequence(der(0x80, bytes(9, 9))))),
  'authority key identifier without a key': (spec) => put(spec, extension(OID.authorityKeyId, false, sequence())),
  'authority key identifier critical': (spec) => {
    const one = find(spec, OID.authorityKeyId)
    if (one !== undefined) one.critical = boolean(true)
  },
  'authority key identifier with another issuer and serial': (spec) =>
    put(
      spec,
      extension(OID.authorityKeyId, false, sequence(der(0xa1, general.directory(nameFrom(['CN', 'Nobody']))), der(0x82, bytes(77)))),
    ),
  'authority key identifier of garbage': (spec) => put(spec, extension(OID.authorityKeyId, false, octets(bytes(1)))),
})

const unknown = oneOf('unknown extension', {
  critical: (spec) => put(spec, extension('1.3.6.1.4.1.99999.1', true, NULL)),
  'not critical': (spec) => put(spec, extension('1.3.6.1.4.1.99999.1', false, NULL)),
  'critical FALSE': (spec) => put(spec, { oid: '1.3.6.1.4.1.99999.1', critical: boolean(false), value: NULL }),
  'not critical, garbage': (spec) => put(spec, extension('1.3.6.1.4.1.99999.1', false, bytes(0xff, 0xff, 1))),
  'critical issuerAltName': (spec) => put(spec, extension(OID.issuerAltName, true, sequence(general.dns('ca.example.com')))),
  'critical distribution points': (spec) =>
    put(
      spec,
      extension(OID.distributionPoints, true, sequence(sequence(der(0xa0, der(0xa0, general.uri('http://crl.example.com/ca.crl')))))),
    ),
})

const twice = oneOf('extension twice', {
  keyUsage: (spec) => void spec.extensions?.push(...[find(spec, OID.keyUsage)].flatMap((one) => one ?? [])),
  basicConstraints: (spec) => void spec.extensions?.push(...[find(spec, OID.basicConstraints)].flatMap((one) => one ?? [])),
  'one that is unknown': (spec) => void spec.extensions?.push(extension('1.2.3.9', false, NULL), extension('1.2.3.9', false, NULL)),
})

/** What may be done to any certificate. */
export const EXTENSION_MUTATIONS: readonly Mutation[] = [constraints, keyUsage, extendedKeyUsage, keyIds, unknown, twice]
/** What names the holder. */
export const SAN_MUTATION: Mutation = subjectAltName
