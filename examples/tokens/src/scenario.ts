import { setTimeout as sleep } from 'node:timers/promises'
import type { IssuedCertificate } from '@countersign/issuer'
import { type Answer, type Caller, createCaller } from './caller.js'
import type { Printer } from './print.js'
import { BILLING, LEDGER, OPERATOR, ORDERS } from './site.js'
import type { Stage } from './stage.js'

const INTERVAL_MS = 100
const CALLS_BEFORE = 5
/** A second is what is promised. */
const CALLS_AFTER = 30

/** Everything that the demo shows, in its order. */
export async function play({ site, mesh, billingCertificate }: Stage, print: Printer): Promise<void> {
  const orders = createCaller(site, ORDERS)
  const billing = createCaller(site, BILLING)
  const operator = createCaller(site, OPERATOR)

  const entries = (as: Caller, token: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    as.send({ to: 'ledger', path: '/entries', headers: { authorization: `Bearer ${token}`, ...headers } })

  async function revoke(what: Readonly<Record<string, string>>, reason: string): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    return operator.send({ to: 'authority', method: 'POST', path: '/revocations', headers, body: JSON.stringify({ ...what, reason }) })
  }

  print.heading('1. orders proves itself by its certificate, and gets a token that is bound to it')
  const token = await orders.token(LEDGER)
  print.claims(token)
  print.answer('orders calls ledger', await entries(orders, token), 200)

  print.heading('2. alice’s session goes from orders over billing to ledger')
  const session = await mesh.sessions.create({ subject: 'alice', scopes: ['invoices:write'] })
  if (session.refused) throw new Error(session.code)
  const handed = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
  if (handed.refused) throw new Error(handed.code)
  const invoice = {
    to: 'billing',
    method: 'POST',
    path: '/invoices',
    headers: { authorization: `Bearer ${await orders.token(BILLING)}`, ...handed.headers },
  } as const
  print.answer('orders calls billing, which calls ledger', await orders.send(invoice), 200)

  print.heading('3. what was stolen is worth nothing')
  print.answer('billing uses the token of orders', await entries(billing, token), 401)
  print.answer('the same session token once more', await orders.send(invoice), 403)
  const answer = await entries(billing, await billing.token(LEDGER), handed.headers)
  print.answer('billing shows it to ledger, for whom it is not', answer, 403)

  print.heading('4. emergency: the operator revokes the tokens of orders, while it calls ledger every 100 ms')
  let [before, after, revokedAtMs] = [0, 0, Number.NaN]
  let last = await entries(orders, token)
  for (; last.status === 200 && after < CALLS_AFTER; last = await entries(orders, token)) {
    if (++before === CALLS_BEFORE) {
      revokedAtMs = performance.now()
      void revoke({ service: ORDERS }, 'key-compromise').then((done) => print.answer('the authority has it in its store', done, 201))
    }
    if (before > CALLS_BEFORE) after++
    await sleep(INTERVAL_MS)
  }
  print.answer(`${before} calls were answered with 200; the next one`, last, 401)
  print.elapsed(performance.now() - revokedAtMs)

  print.heading('5. orders still has its key: it proves itself anew, and goes on')
  print.answer('orders calls ledger', await entries(orders, await orders.token(LEDGER)), 200)

  print.heading('6. what else can be revoked')
  await revoke({ session: session.id }, 'logout')
  const again = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
  print.refusal('the session of alice: orders cannot hand it on', again.refused ? again.code : null)
  const bound = await billing.token(LEDGER)
  await revoke({ certificate: thumbprintOf(billingCertificate) }, 'key-compromise')
  await sleep(INTERVAL_MS)
  print.answer('the certificate of billing: it calls ledger', await entries(billing, bound), 403)
  const refused = await billing.send({
    to: 'authority',
    method: 'POST',
    path: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: BILLING, audience: LEDGER }).toString(),
  })
  print.answer('and asks for another token', refused, 401)

  for (const caller of [orders, billing, operator]) caller.close()
}

/** `x5t#S256` (RFC 8705 §3.1) */
function thumbprintOf({ fingerprint256 }: IssuedCertificate): string {
  return Buffer.from(fingerprint256, 'hex').toString('base64url')
}
