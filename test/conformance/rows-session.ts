import { idOf } from './certificates.js'
import { type Given, type Granted, ONLY_HTTP1, type Row, UNENCRYPTED } from './row.js'
import type { SessionKind } from './sessions.js'

const ORDERS: Granted = { id: idOf('/orders'), evidence: ['mtls'] }
const HANDED_ON: Granted = { ...ORDERS, session: { actors: [idOf('/orders')], scopes: ['invoices:read'] } }

/** Sessions that services hand on to each other. */
export const SESSION_ROWS: readonly Row[] = [
  row('handed on', 'makes a session that the caller hands on part of who is calling', {}, HANDED_ON),
  row('twice', 'refuses two sessions at once', {}, { code: 'ERR_SESSION_REPEATED', status: 400 }),
  row('garbage', 'refuses what is no session token', {}, { code: 'ERR_SESSION_INVALID', status: 403 }),
  row('of another type', "refuses a service's token in place of a session token", {}, { code: 'ERR_SESSION_INVALID', status: 403 }),
  row('for another service', 'refuses a session for another service', {}, { code: 'ERR_SESSION_AUDIENCE', status: 403 }),
  row('by another service', 'refuses a session that another service has handed on', {}, { code: 'ERR_SESSION_SENDER', status: 403 }),
  row('to another certificate', 'refuses a session bound to another certificate', {}, { code: 'ERR_SESSION_SENDER', status: 403 }),
  row('run out', 'refuses a session token that has run out', {}, { code: 'ERR_SESSION_EXPIRED', status: 403 }),
  row('over five hops', 'refuses a session over too many hops', {}, { code: 'ERR_SESSION_HOPS', status: 403 }),
  row('ended', 'refuses a session that has ended', {}, { code: 'ERR_SESSION_ENDED', status: 403 }),
  {
    ...row('handed on', 'accepts a session from one session token once', { before: 1 }, { code: 'ERR_SESSION_REPLAYED', status: 403 }),
    id: 'session/again',
  },
  {
    ...row(
      'handed on',
      'refuses where it is not known whether the session is alive',
      { preset: 'sessions-without-store' },
      { code: 'ERR_SESSION_UNAVAILABLE', sent: 'ERR_UNAVAILABLE', status: 503 },
    ),
    id: 'session/without-store',
  },
  {
    ...row(
      'handed on',
      'uses up no session for a caller that is refused',
      { certificate: 'stranger' },
      { code: 'ERR_FORBIDDEN', status: 403 },
    ),
    id: 'session/stranger',
  },
  {
    ...row('handed on', 'takes a session off where none is accepted', { preset: 'mtls' }, { ...ORDERS, removed: ['propagated-session'] }),
    id: 'session/not-accepted',
  },
  {
    ...row('in another spelling', 'takes off a session in another spelling', {}, { ...ORDERS, removed: ['propagated_session'] }),
    notApplicable: [{ ...ONLY_HTTP1, reason: 'the spelling is one that servers behind HTTP/1.1 read' }],
  },
  {
    ...row(
      'handed on',
      'takes a session off that comes from nobody who is known',
      { preset: 'sessions-of-anybody' },
      { id: 'anonymous', evidence: [], removed: ['propagated-session'] },
    ),
    id: 'session/anonymous',
    given: { preset: 'sessions-of-anybody', session: 'handed on' },
    clear: 'the same',
  },
]

function row(session: SessionKind, claim: string, given: Partial<Given>, expected: Row['expected']): Row {
  return {
    id: `session/${session.replaceAll(' ', '-')}`,
    claim,
    requirements: ['C18', 'C19', 'C20', 'C22', 'C23'],
    given: { preset: 'sessions', certificate: 'orders', session, ...given },
    expected,
    clear: UNENCRYPTED,
  }
}
