import type { DevAuthority } from '@countersign/issuer'
import { createTestMesh, type Workload, workloadFrom } from '@countersign/testing'
import {
  type CertificateRevocationOptions,
  createPeerVerifier,
  type MtlsOptions,
  parseCertificate,
  type TrustAnchors,
} from '@countersign/x509'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { createStage, eventsOf, type Served, serve } from './stage.js'

const stage = createStage()
const { mesh, orders } = stage
const HOUR = 3600
const trustFile = stage.write('trust.pem', mesh.trustPem)
const other = createTestMesh('other.example', { clock: mesh.clock })
const pem = { trustDomain: 'prod.example', pem: mesh.trustPem } as const
const PIN = parseCertificate(orders.certificateDer).spkiSha256
const NOBODY = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')] as const

const NOBODY_DENIED = { ageMs: 0, has: () => false }

/** A caller whose intermediate only the options have. */
const alone = (({ certificatePem, ...rest }: Workload): Workload => ({ ...rest, certificatePem, chainPem: certificatePem }))(
  mesh.workload('/below', { intermediate: true }),
)
const intermediatePem = mesh.workload('/any', { intermediate: true }).chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)[1] ?? ''

function told(
  one: Partial<MtlsOptions>,
  expected: string,
  otherwise: Partial<MtlsOptions>,
  expectedOtherwise: string,
  as = orders,
): Effect {
  return async (t) => {
    const said = async (options: Partial<MtlsOptions>): Promise<string> =>
      (await (await serve(t, stage, { mtls: { trust: mesh.trust, ...options } })).call({ as })).said
    return [
      [await said(one), expected],
      [await said(otherwise), expectedOtherwise],
    ]
  }
}

const rows: RowsOf<MtlsOptions> = {
  trust: {
    refused: [undefined, 5, '', [], {}, '/nowhere/ca.pem', mesh.trustPem, { trustDomain: 'prod.example' }, { pem: mesh.trustPem }],
    effect: told({}, orders.id, { trust: other.trust }, 'ERR_PEER_UNTRUSTED'),
  },
  identifyBy: {
    refused: [5, 'spiffe', [], ['ip'], ['spiffe', 'spiffe']],
    async effect(t) {
      const both = mesh.workload('/both', { dns: ['both.prod.example'] })
      const said = async (identifyBy: MtlsOptions['identifyBy']): Promise<string> =>
        (
          await (
            await serve(t, stage, { mtls: { trust: trustFile, ...(identifyBy === undefined ? {} : { identifyBy }) } })
          ).call({ as: both })
        ).said
      return [
        [await said(undefined), both.id],
        [await said(['dns']), 'both.prod.example'],
      ]
    },
  },
  names: {
    refused: [5, orders.id, [], [5], ['spiffe://prod.example/*'], [{}]],
    effect: told({ names: [orders.id] }, orders.id, { names: [{ under: 'spiffe://prod.example/shop' }] }, 'ERR_PEER_NAME_NOT_PERMITTED'),
  },
  pins: {
    refused: [5, PIN, [], [PIN], [PIN, PIN], [PIN, 'AAAA'], [PIN, 5]],
    effect: told({ pins: [NOBODY[0], PIN] }, orders.id, { pins: NOBODY }, 'ERR_PEER_UNTRUSTED'),
  },
  revocation: {
    refused: [5, 'x', [], {}, { crl: {} }, { crl: { files: [] } }, { crl: { files: ['/nowhere.crl'] } }],
    async effect(t) {
      const revoked = mesh.workload('/revoked')
      mesh.revoke(revoked)
      const crl = stage.write('revoked.crl', mesh.crlPem())
      return told({ revocation: { crl: { files: [crl] } } }, 'ERR_PEER_REVOKED', { revocation: null }, revoked.id, revoked)(t)
    },
  },
  denyList: {
    refused: [5, 'x', [], {}, { list: {} }, { list: { has: true, ageMs: 0 } }, { list: NOBODY_DENIED, whenUnavailable: 'allow' }],
    effect: told(
      { denyList: { list: { ...NOBODY_DENIED, ageMs: 60_000 }, whenUnavailable: { staleSeconds: 120 } } },
      orders.id,
      { denyList: { ageMs: 0, has: (kind) => kind === 'certificate' } },
      'ERR_PEER_REVOKED',
    ),
  },
  minimum: {
    refused: [5, 'x', [], { rsaBits: 1024 }, { rsaBits: '2048' }, { hash: 'sha1' }, { ecBits: 256 }],
    effect: told(
      {},
      'spiffe://prod.example/rsa',
      { minimum: { rsaBits: 3072 } },
      'ERR_PEER_WEAK_KEY',
      mesh.workload('/rsa', { key: 'rsa' }),
    ),
  },
  clockSkewSeconds: {
    refused: [-1, 301, 0.5, Number.NaN, '30', {}],
    async effect(t) {
      const ended = mesh.workload('/ended', { validFrom: new Date(mesh.clock.nowMs() - (HOUR + 20) * 1000), validSeconds: HOUR })
      return told({ clockSkewSeconds: 30 }, ended.id, { clockSkewSeconds: 0 }, 'ERR_PEER_EXPIRED', ended)(t)
    },
  },
  intermediates: {
    refused: [5, '', [], {}, '/nowhere.pem', intermediatePem, { pem: 'x' }, { pem: 5 }],
    effect: told({ intermediates: { pem: intermediatePem } }, alone.id, {}, 'ERR_PEER_UNTRUSTED', alone),
  },
  reloadIntervalMs: {
    refused: [0, 9, 3_600_001, 10.5, Number.NaN, '10'],
    async effect(t) {
      const trust = stage.write('changing.pem', mesh.trustPem)
      const recorder = eventsOf()
      const often = await serve(t, stage, { mtls: { trust, reloadIntervalMs: 10 }, audit: recorder })
      const seldom = await serve(t, stage, { mtls: { trust, reloadIntervalMs: 3_600_000 } })
      stage.write('changing.pem', other.trustPem)
      await recorder.next('trust.reloaded')
      return [
        [(await often.call({ as: orders })).said, 'ERR_PEER_UNTRUSTED'],
        [(await seldom.call({ as: orders })).said, orders.id],
      ]
    },
  },
}

const surroundings = {
  clock: mesh.clock,
  fetch: globalThis.fetch,
  recorder: eventsOf(),
}
const ignored = { add() {}, record() {} }
const meter = { createCounter: () => ignored, createHistogram: () => ignored, createGauge: () => ignored }
const create = (options: unknown): unknown => createPeerVerifier(options as MtlsOptions, { ...surroundings, meter })

testOptions('mtls', rows, (field, value) => create({ trust: mesh.trust, [field]: value }))

type AllAnchors = { readonly trustDomain: string | null; readonly file: string; readonly pem: string; readonly revocation: unknown }
const anchorRows: RowsOf<AllAnchors> = {
  trustDomain: {
    refused: [undefined, 5, '', 'spiffe://prod.example', 'PROD'],
    effect: told({ trust: pem }, orders.id, { trust: { ...pem, trustDomain: 'other.example' } }, 'ERR_PEER_UNTRUSTED'),
  },
  file: {
    refused: [5, '', mesh.trustPem, '/nowhere.pem'],
    effect: told(
      { trust: { trustDomain: 'prod.example', file: trustFile } },
      orders.id,
      { trust: { trustDomain: 'prod.example', file: stage.write('other.pem', other.trustPem) } },
      'ERR_PEER_UNTRUSTED',
    ),
  },
  pem: {
    refused: [5, '', 'x', mesh.trustPem.slice(0, -40), orders.certificatePem],
    effect: told({ trust: pem }, orders.id, { trust: { ...pem, pem: other.trustPem } }, 'ERR_PEER_UNTRUSTED'),
  },
  revocation: {
    refused: [5, 'off', [], {}, { crl: {} }, { mode: 'on' }, { crl: { files: ['/nowhere.crl'] } }],
    async effect(t) {
      const revocation = { crl: { files: [stage.write('stranger.crl', other.crlPem())] } }
      return told({ trust: { ...pem, revocation: null }, revocation }, orders.id, { trust: pem, revocation }, 'ERR_UNAVAILABLE')(t)
    },
  },
}
testOptions('mtls.trust', anchorRows, (field, value) =>
  create({ trust: { trustDomain: 'prod.example', ...(field === 'file' ? {} : { pem: mesh.trustPem }), [field]: value } as TrustAnchors }),
)

const crl = stage.write('ca.crl', mesh.crlPem())
const strange = (): CertificateRevocationOptions => ({ crl: { files: [stage.write('stranger.crl', other.crlPem())] } })
const revocationRows: RowsOf<CertificateRevocationOptions> = {
  mode: {
    refused: [5, '', 'on', true, {}],
    async effect(t) {
      const off: Partial<MtlsOptions> = { revocation: { ...strange(), mode: 'off' } }
      await told(off, orders.id, { revocation: strange() }, 'ERR_UNAVAILABLE')(t)
      return told({ revocation: { ...strange(), mode: 'prefer' } }, orders.id, { revocation: strange() }, 'ERR_UNAVAILABLE')(t)
    },
  },
  ocsp: {
    refused: [
      5,
      'ocsp.example',
      [],
      {},
      { hosts: [] },
      { hosts: ['http://ocsp.example'] },
      { hosts: ['ocsp.example/'] },
      { hosts: ['me@ocsp.example'] },
      { url: 'ocsp.example' },
      { url: 'ftp://ocsp.example/' },
      { url: 'http://me:secret@ocsp.example/' },
      { hosts: ['ocsp.example'], url: 'http://ocsp.example/' },
      { hosts: ['ocsp.example'], nonce: true },
      { hosts: ['ocsp.example'], hash: 'md5' },
      { hosts: ['ocsp.example'], maxAgeSeconds: 0 },
      { hosts: ['ocsp.example'], zzzz: 1 },
    ],
    async effect(t) {
      // Nobody is asked with prefer, since the certificate names no responder; one that is told to be asked is.
      const asking: Partial<MtlsOptions> = { revocation: { mode: 'prefer', ocsp: { url: 'http://127.0.0.1:9/' }, timeoutMs: 2_000 } }
      return told(asking, 'ERR_UNAVAILABLE', { revocation: { mode: 'prefer', ocsp: { hosts: ['ocsp.example'] } } }, orders.id)(t)
    },
  },
  timeoutMs: {
    refused: [0, 9, 10_001, 10.5, Number.NaN, '10', {}],
    async effect(t) {
      let publish = (): void => {}
      const published = new Promise<void>((resolve) => {
        publish = resolve
      })
      const fetch = async (): Promise<Response> => {
        await published
        return new Response(mesh.crlPem())
      }
      const waiting = (timeoutMs: number): Promise<Served> => {
        const revocation: CertificateRevocationOptions = { crl: { urls: ['http://crl.example/'] }, timeoutMs }
        return serve(t, stage, { mtls: { trust: mesh.trust, revocation }, runtime: { clock: mesh.clock, fetch } })
      }
      const patient = (await waiting(10_000)).call({ as: orders })
      const hasty = await (await waiting(10)).call({ as: orders })
      publish()
      return [
        [(await patient).said, orders.id],
        [hasty.said, 'ERR_UNAVAILABLE'],
      ]
    },
  },
  crl: {
    refused: [
      undefined,
      5,
      'ca.crl',
      {},
      { files: [] },
      { files: [5] },
      { files: ['/nowhere.crl'] },
      { files: [crl], urls: [] },
      { files: [crl], refreshSeconds: 5 },
      { urls: [] },
      { urls: ['ca.crl'] },
      { urls: ['file:///ca.crl'] },
      { urls: ['http://crl.example/'], refreshSeconds: 0 },
      { distributionPoints: {} },
      { distributionPoints: { hosts: ['http://crl.example/'] } },
    ],
    async effect(t) {
      const revoked = mesh.workload('/gone')
      mesh.revoke(revoked)
      const later = stage.write('later.crl', mesh.crlPem())
      const files = (file: string): Partial<MtlsOptions> => ({ revocation: { crl: { files: [file] } } })
      return told(files(later), 'ERR_PEER_REVOKED', files(crl), revoked.id, revoked)(t)
    },
  },
  scope: {
    refused: [5, '', 'all', {}],
    async effect(t) {
      // There is a CRL of the intermediate, and none of the root that issued it.
      const [root, below] = [mesh.authority, authorityBelow(mesh.authority)]
      const caller = workloadFrom('spiffe://prod.example/scoped', below.issue({ spiffeId: 'spiffe://prod.example/scoped' }))
      const files = [stage.write('below.crl', below.revocationList({ revoked: [] }))]
      const trust = { trustDomain: 'prod.example', pem: root.certificatePem }
      const scoped = (scope: 'leaf' | 'chain'): Partial<MtlsOptions> => ({ trust, revocation: { crl: { files }, scope } })
      return told(scoped('leaf'), caller.id, scoped('chain'), 'ERR_UNAVAILABLE', caller)(t)
    },
  },
  whenUnavailable: {
    refused: [5, '', 'allow', {}, { staleSeconds: 0 }, { staleSeconds: Number.POSITIVE_INFINITY }, { seconds: 5 }],
    async effect(t) {
      const [start, end] = [mesh.clock.nowMs() - 3 * HOUR * 1000, mesh.clock.nowMs() - HOUR * 1000]
      const list = mesh.authority.revocationList({ revoked: [], thisUpdate: new Date(start), nextUpdate: new Date(end) })
      const old = { crl: { files: [stage.write('old.crl', list)] } }
      const when = (whenUnavailable: NonNullable<CertificateRevocationOptions['whenUnavailable']>): Partial<MtlsOptions> => ({
        revocation: { ...old, whenUnavailable },
      })
      await told(when('dangerously-allow'), orders.id, when({ staleSeconds: 60 }), 'ERR_UNAVAILABLE')(t)
      return told(when({ staleSeconds: 2 * HOUR }), orders.id, when('refuse'), 'ERR_UNAVAILABLE')(t)
    },
  },
}
testOptions('mtls.revocation', revocationRows, (field, value) =>
  create({ trust: mesh.trust, revocation: { crl: { files: [crl] }, [field]: value } }),
)

const minimumRows: RowsOf<NonNullable<MtlsOptions['minimum']>> = {
  rsaBits: { refused: [1024, 2047, '2048', Number.NaN], effect: rows.minimum.effect },
  hash: {
    refused: [256, 'sha1', 'SHA256', ''],
    effect: told({ minimum: { hash: 'sha256' } }, orders.id, { minimum: { hash: 'sha384' } }, 'ERR_PEER_WEAK_SIGNATURE'),
  },
}
testOptions('mtls.minimum', minimumRows, (field, value) => create({ trust: mesh.trust, minimum: { [field]: value } }))

function authorityBelow(root: DevAuthority): DevAuthority {
  return root.issueAuthority({ name: 'Below', pathLength: 0 })
}
