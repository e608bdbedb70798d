import { type Clock, type SessionVerifier, StateError } from '@countersign/core'
import { type AuthMesh, createAuthMesh } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { insideOf } from '../mesh/inside.js'
import { idOf } from './certificates.js'
import type { Field } from './raw-http1.js'

export type SessionKind = keyof ReturnType<typeof recipes>

/** What rows send as a session that is handed on, and who accepts it. */
export interface HandedSessions {
  /** For the service that rows call. */
  readonly verifier: SessionVerifier
  /** The same, with a store that does not answer. */
  readonly withoutStore: SessionVerifier
  /** The fields that hand a session on, made anew each time: what they hold counts once. */
  fields(kind: SessionKind): Promise<readonly Field[]>
  close(): void
}

const ISSUER = 'https://mesh.prod.example'
const SERVICES = {
  [idOf('/orders')]: { mayCall: [idOf('/billing')] },
  [idOf('/shipping')]: { mayCall: [idOf('/billing')] },
  [idOf('/billing')]: { mayCall: [] },
}
/** As it stands in `Propagated-Session`. */
const NAME = 'Propagated-Session'

/** Has a clock of its own: those of rows go back and forth. */
export function createHandedSessions({ nowMs }: Clock): HandedSessions {
  const startMs = nowMs()
  const clock: Clock = { nowMs: () => startMs }
  const store = createMemoryStateStore({ clock })
  const down = (): never => {
    throw new StateError('unreachable', 'no store at redis://secret@store')
  }
  const options = {
    issuer: ISSUER,
    services: SERVICES,
    keys: { algorithm: 'ES256' },
    audit: null,
    retry: { attempts: 1 },
    runtime: { clock },
  } as const
  const mesh = createAuthMesh({ ...options, store })
  // Only what an acceptance asks for is down: of keys and revocations it knows enough.
  const silent = createAuthMesh({
    ...options,
    store: { ...store, read: async (keys) => (keys.some((key) => key.startsWith('session:')) ? down() : store.read(keys)) },
  })
  const service = idOf('/billing')
  const recipe = recipes(mesh, startMs)

  return {
    verifier: mesh.sessionVerifier({ service }),
    withoutStore: silent.sessionVerifier({ service }),
    async fields(kind) {
      await Promise.all([mesh.ready(), silent.ready()])
      await insideOf(silent).directory.load()
      return recipe[kind]()
    },
    close() {
      void mesh.close()
      void silent.close()
    },
  }
}

function recipes(mesh: AuthMesh, startMs: number) {
  const now = Math.floor(startMs / 1000)
  let made = 0

  async function begin(): Promise<string> {
    const session = await mesh.sessions.create({ subject: `user-${++made}`, scopes: ['invoices:read'] })
    if (session.refused) throw new Error(session.code)
    return session.id
  }

  async function token(changes: Readonly<Record<string, unknown>> = {}, typ = 'session-propagation+jwt'): Promise<string> {
    const sid = await begin()
    return insideOf(mesh).keys.sign(typ, {
      iss: ISSUER,
      sub: `user-${made}`,
      aud: idOf('/billing'),
      sid,
      txn: 'correlation-1',
      act: { sub: idOf('/orders') },
      scope: 'invoices:read',
      iat: now,
      nbf: now,
      exp: now + 300,
      jti: `jti-${made}`,
      ...changes,
    })
  }

  const handing = (value: string): readonly Field[] => [[NAME, value]]
  return {
    'handed on': async () => handing(await token()),
    twice: async () => [...handing(await token()), ...handing(await token())],
    garbage: async () => handing('SECRET-rubbish'),
    'of another type': async () => handing(await token({ client_id: 'orders' }, 'at+jwt')),
    'for another service': async () => handing(await token({ aud: idOf('/shipping') })),
    'by another service': async () => handing(await token({ act: { sub: idOf('/shipping') } })),
    'to another certificate': async () => handing(await token({ cnf: { 'x5t#S256': Buffer.alloc(32, 7).toString('base64url') } })),
    'run out': async () => handing(await token({ iat: now - 400, nbf: now - 400, exp: now - 31 })),
    'over five hops': async () =>
      handing(
        await token({
          act: ['/orders', '/a', '/b', '/c', '/d'].reduceRight<object>((act, path) => ({ sub: idOf(path), act }), { sub: 'e' }),
        }),
      ),
    ended: async () => {
      const text = await token()
      const [session] = (await mesh.sessions.list(`user-${made}`)) as readonly { readonly id: string }[]
      await mesh.sessions.revoke(session?.id ?? '', { reason: 'logout' })
      return handing(text)
    },
    'in another spelling': async () => [[NAME.replace('-', '_'), await token()] as const],
  } satisfies Record<string, () => Promise<readonly Field[]>>
}
