import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * How the server answers: with the keys · 503 · not at all until the mode changes · 302 to itself · 8 MiB of JSON · text that is no
 * JSON · JSON that is no JWKS · by closing the connection.
 */
export type JwksMode = 'ok' | 'unavailable' | 'slow' | 'redirect' | 'oversize' | 'malformed' | 'no-keys' | 'disconnect'

/** A JWKS endpoint on the loopback address. */
export interface JwksServer extends AsyncDisposable {
  /** `http://127.0.0.1:…/jwks` */
  readonly uri: string
  /** How many requests came, answered or not. */
  readonly requests: number
  mode: JwksMode
  close(): Promise<void>
}

const OVERSIZE_BYTES = 8 * 1024 * 1024
const STATUSES = { ok: 200, unavailable: 503, redirect: 302, oversize: 200, malformed: 200, 'no-keys': 200 } as const

/**
 * Starts a JWKS endpoint; it always serves the keys as they are at that moment.
 * @param signer a token signer of the mesh, or anything with its `jwks()`.
 */
export async function startJwksServer(signer: { jwks(): { readonly keys: readonly object[] } }): Promise<JwksServer> {
  let requests = 0
  let mode: JwksMode = 'ok'
  const held = new Set<ServerResponse>()
  const server = createServer((req, res) => {
    requests++
    res.once('close', () => held.delete(res))
    req.resume()
    answer(res)
  })

  function answer(res: ServerResponse): void {
    if (mode === 'slow') held.add(res)
    else if (mode === 'disconnect') res.socket?.destroy()
    else
      res
        .writeHead(STATUSES[mode], { 'content-type': 'application/json', ...(mode === 'redirect' ? { location: uri } : {}) })
        .end(bodyOf(mode))
  }

  function bodyOf(answered: keyof typeof STATUSES): string {
    switch (answered) {
      case 'ok':
        return JSON.stringify(signer.jwks())
      case 'oversize':
        return JSON.stringify({ ...signer.jwks(), padding: 'x'.repeat(OVERSIZE_BYTES) })
      case 'malformed':
        return '<html>'
      case 'no-keys':
        return '{"keys":{}}'
      case 'unavailable':
      case 'redirect':
        return '{}'
    }
  }

  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`

  return {
    uri,
    get requests() {
      return requests
    },
    get mode() {
      return mode
    },
    set mode(next: JwksMode) {
      mode = next
      const waiting = [...held]
      held.clear()
      for (const res of waiting) answer(res)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
