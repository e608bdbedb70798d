import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { nameOf, type PartName, type Site } from './site.js'

export interface Answer {
  readonly status: number
  /** Of a refusal: why. */
  readonly code: string | null
  readonly body: Record<string, unknown>
}

export interface Call {
  readonly to: PartName
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The outgoing half of a service. */
export interface Caller {
  /** A token for another service, bound to our certificate; remembered for half of its life. */
  token(audience: string): Promise<string>
  /** Proves to the authority that we are here. */
  announce(): Promise<void>
  /** One request over mutual TLS, on a connection that stays open. */
  send(call: Call): Promise<Answer>
  close(): void
}

export function createCaller({ folder, ports }: Site, id: string): Caller {
  const file = (name: string): Buffer => readFileSync(join(folder, name))
  const agent = new Agent({
    ca: file('ca.pem'),
    cert: file(`${nameOf(id)}.pem`),
    key: file(`${nameOf(id)}-key.pem`),
    keepAlive: true,
    maxSockets: 1,
  })
  const tokens = new Map<string, { readonly token: string; readonly untilMs: number }>()

  async function send({ to, method = 'GET', path, headers = {}, body = '' }: Call): Promise<Answer> {
    const req = request({ agent, host: 'localhost', port: ports[to], method, path, headers })
    req.end(body)
    const [res] = await once(req, 'response')
    const parsed = JSON.parse(await text(res))
    // Revoked, perhaps: the next call gets another one, as long as the certificate counts.
    if (res.statusCode === 401) tokens.clear()
    return { status: res.statusCode, code: parsed.code ?? parsed.error ?? null, body: parsed }
  }

  async function askForToken(audience: string): Promise<string> {
    const { status, code, body } = await send({
      to: 'authority',
      method: 'POST',
      path: '/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, audience }).toString(),
    })
    if (status !== 200) throw new Error(`${id} gets no token for ${audience}: ${status} ${code}`)
    const token = String(body['access_token'])
    tokens.set(audience, { token, untilMs: Date.now() + 500 * Number(body['expires_in']) })
    return token
  }

  return {
    async token(audience) {
      const known = tokens.get(audience)
      return known !== undefined && Date.now() < known.untilMs ? known.token : askForToken(audience)
    },
    async announce() {
      await askForToken(id)
    },
    send,
    close: () => agent.destroy(),
  }
}
