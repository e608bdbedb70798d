import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiKey, Peer, StateEvent, StateStore } from '@countersign/core'
import { type AuthMesh, type AuthMeshOptions, createAuthMesh } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock, createTestMeter, createTestRecorder, type TestClock } from '@countersign/testing'
import { isMeshContext, type MeshContext } from '../dist/mesh-context.js'

export const ISSUER = 'https://mesh.test.example'
export const ORDERS = 'spiffe://test.example/orders'
export const BILLING = 'spiffe://test.example/billing'
export const LEDGER = 'spiffe://test.example/ledger'
export const PARTNER = 'partner.example'

/** orders → billing → ledger → billing, orders → partner. */
export const SERVICES: AuthMeshOptions['services'] = {
  [ORDERS]: { mayCall: [BILLING, PARTNER], scopes: ['invoices:read'] },
  [BILLING]: { mayCall: [LEDGER, ORDERS] },
  [LEDGER]: { mayCall: [BILLING] },
  [PARTNER]: { mayCall: [ORDERS] },
}

/** What stands inside a mesh: its keys, to sign with them what it would not, and its list. */
export function coreOf({ context }: AuthMesh): MeshContext['core'] {
  if (!isMeshContext(context)) throw new TypeError('there is nothing inside it')
  return context.core
}

export interface Stage {
  readonly mesh: AuthMesh
  readonly clock: TestClock
  readonly store: StateStore
  readonly recorder: ReturnType<typeof createTestRecorder>
  readonly meter: ReturnType<typeof createTestMeter>
  readonly events: StateEvent[]
  /** The clock moves on, and what was revoked is known again. */
  later(seconds: number): Promise<void>
}

/** A mesh of one process, with a clock that stands still. */
export async function stage(options: Partial<AuthMeshOptions> & { readonly clock?: TestClock } = {}): Promise<Stage> {
  const { clock = createTestClock(), ...rest } = options
  const store = rest.store ?? createMemoryStateStore({ clock })
  const recorder = createTestRecorder()
  const meter = createTestMeter()
  const events: StateEvent[] = []
  const mesh = createAuthMesh({
    issuer: ISSUER,
    services: SERVICES,
    // Made a hundred times faster than the RSA keys that are the default.
    keys: { algorithm: 'ES256' },
    audit: recorder,
    meter,
    events: (event) => void events.push(event),
    ...rest,
    store,
    runtime: { clock, sleep: async () => {}, ...rest.runtime },
  })
  await mesh.ready()
  return {
    mesh,
    clock,
    store,
    recorder,
    meter,
    events,
    async later(seconds) {
      clock.advanceSeconds(seconds)
      await until(() => mesh.revocations.ageMs <= mesh.revocations.leaseMs)
    },
  }
}

/** Waits for what happens by itself, for five seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('it did not happen in five seconds')
    await sleep(5)
  }
}

const at = new Date('2100-01-01')

/** A peer that some verifier has proven. */
export function peerOf(id: string, changes: Partial<Peer> & { readonly thumbprint?: string } = {}): Peer {
  const { thumbprint = thumbprintOf(id), ...rest } = changes
  const isSpiffe = id.startsWith('spiffe:')
  return {
    id,
    identity: isSpiffe ? { kind: 'spiffe', authority: 'test.example', value: id } : { kind: 'dns', authority: '', value: id },
    spiffeId: isSpiffe ? id : null,
    provenance: 'connection',
    expiresAtMs: Number.POSITIVE_INFINITY,
    certificate: {
      subject: '',
      issuer: '',
      serialNumber: '1',
      sans: { dns: [], uri: [id], ip: [], email: [] },
      spiffeId: isSpiffe ? id : null,
      fingerprint256: '00',
      spkiSha256: '',
      'x5t#S256': thumbprint,
      validFrom: at,
      validTo: at,
      key: { type: 'ec', bits: 256, curve: 'P-256' },
      signatureAlgorithm: '',
      extendedKeyUsage: null,
      keyUsage: null,
      isCa: false,
      pathLength: null,
      subjectKeyId: null,
      authorityKeyId: null,
      policies: [],
      der: new Uint8Array(),
      daysLeft: () => 1,
    },
    ...rest,
  }
}

/** 32 bytes in base64url. */
export function thumbprintOf(id: string): string {
  return Buffer.alloc(32, id).toString('base64url')
}

export function apiKeyOf(id: string): ApiKey {
  return {
    id: 'key-1',
    owner: { kind: 'spiffe', authority: 'test.example', value: id },
    scopes: new Set(),
    expiresAtMs: Number.POSITIVE_INFINITY,
  }
}

/** A token of `service` for `audience`, and its `jti`. */
export async function tokenOf(
  mesh: AuthMesh,
  service: string,
  audience: string,
): Promise<{ readonly token: string; readonly tokenId: string }> {
  const issued = await mesh.authenticateService({ service, peer: peerOf(service), audience })
  if (issued.status !== 'AUTHENTICATED') throw new Error(`${service} got no token: ${issued.code}`)
  return { token: issued.accessToken, tokenId: issued.tokenId }
}

/** Every service has proven itself. */
export async function authenticateAll(mesh: AuthMesh): Promise<void> {
  for (const [service, audience] of [
    [ORDERS, BILLING],
    [BILLING, LEDGER],
    [LEDGER, BILLING],
    [PARTNER, ORDERS],
  ] as const)
    await tokenOf(mesh, service, audience)
}

/** A store whose reading and changing can be made to fail, and whose calls are counted. */
export function breakable(store: StateStore, thrown: () => unknown) {
  const state = { isDown: false, failures: Number.POSITIVE_INFINITY, reads: 0, commits: 0, claims: 0 }
  const fail = (): void => {
    if (!state.isDown || state.failures <= 0) return
    state.failures--
    throw thrown()
  }
  const broken: StateStore = {
    ...store,
    async read(keys) {
      state.reads++
      fail()
      return store.read(keys)
    },
    async commit(change) {
      state.commits++
      fail()
      return store.commit(change)
    },
    async claim(id, untilMs) {
      state.claims++
      fail()
      return store.claim(id, untilMs)
    },
  }
  return { store: broken, state }
}
