import { once } from 'node:events'
import { connect } from 'node:http2'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Credentials } from './create-credentials.js'

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** One question to an example. */
export interface Call {
  readonly port: number
  readonly path: string
  readonly from: Credentials
  /** The caller's certificate; left out: none. */
  readonly as?: { readonly chainPem: string; readonly keyPem: string }
}

const HOST = 'localhost'

/** One HTTPS request on a connection of its own. */
export async function call({ port, path, from, as }: Call): Promise<Answer> {
  const req = request({
    host: HOST,
    port,
    path,
    ca: from.ca,
    agent: false,
    ...(as === undefined ? {} : { cert: as.chainPem, key: as.keyPem }),
  })
  req.end()
  const [res] = await once(req, 'response')
  return { status: res.statusCode, body: JSON.parse(await text(res)) }
}

/** The same over HTTP/2. */
export async function callHttp2({ port, path, from, as }: Call): Promise<Answer> {
  const session = connect(`https://${HOST}:${port}`, { ca: from.ca, ...(as === undefined ? {} : { cert: as.chainPem, key: as.keyPem }) })
  try {
    const stream = session.request({ ':path': path })
    const [headers] = await once(stream, 'response')
    return { status: headers[':status'], body: JSON.parse(await text(stream)) }
  } finally {
    session.close()
  }
}
