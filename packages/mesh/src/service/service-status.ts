/**
 * How a service stands. `UNAUTHORIZED`: it has not proven itself. `AUTHENTICATED`: it holds a token that counts. `EXPIRED`: its last token
 * has run out. `REVOKED`: its tokens, or it as a whole, were revoked. `INVALID`: what it proved itself with does not hold any more, its
 * certificate or the key that signed its token.
 */
export type ServiceStatus = 'AUTHENTICATED' | 'UNAUTHORIZED' | 'EXPIRED' | 'REVOKED' | 'INVALID'

/**
 * What changes it. `authenticate`: it has proven itself anew and got a token. `expire`: time. `revoke`: somebody has revoked its token, or
 * all it has. `invalidate`: its certificate or the signing key was revoked. `deregister`: it is no service
 * any more.
 */
export type ServiceChange = 'authenticate' | 'expire' | 'revoke' | 'invalidate' | 'deregister'

type Row = Partial<Record<ServiceChange, ServiceStatus>>

/** The one table of what may follow what. What it does not have is refused: no time leads out of `REVOKED`. */
export const SERVICE_TRANSITIONS: Readonly<Record<ServiceStatus, Readonly<Row>>> = Object.freeze({
  UNAUTHORIZED: row({ authenticate: 'AUTHENTICATED', revoke: 'REVOKED', deregister: 'REVOKED' }),
  AUTHENTICATED: row({
    authenticate: 'AUTHENTICATED',
    expire: 'EXPIRED',
    revoke: 'REVOKED',
    invalidate: 'INVALID',
    deregister: 'REVOKED',
  }),
  EXPIRED: row({ authenticate: 'AUTHENTICATED', revoke: 'REVOKED', invalidate: 'INVALID', deregister: 'REVOKED' }),
  REVOKED: row({ authenticate: 'AUTHENTICATED', revoke: 'REVOKED', deregister: 'REVOKED' }),
  INVALID: row({ authenticate: 'AUTHENTICATED', revoke: 'REVOKED', deregister: 'REVOKED' }),
})

/** What a change makes of a status. `null`: it is not legal, and nothing may be written. */
export function nextServiceStatus(status: ServiceStatus, change: ServiceChange): ServiceStatus | null {
  return SERVICE_TRANSITIONS[status][change] ?? null
}

function row(entries: Row): Readonly<Row> {
  return Object.freeze(entries)
}
