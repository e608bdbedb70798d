import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { listen } from '../requirements/stage.js'

/** What a CA has on the web: its list, and its responder. */
export interface AuthorityServer {
  readonly port: number
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[]
  /** Lines of extensions that point here. */
  readonly places: readonly string[]
  crl: Answer
  ocsp: Answer
}

/** Answers a request whose body has come. */
export type Answer = (res: ServerResponse, body: Uint8Array, req: IncomingMessage) => void

export const sends =
  (make: (body: Uint8Array) => Uint8Array | string): Answer =>
  (res, body) =>
    res.end(make(body))

/** Ways of a server to be of no use. */
export const useless = {
  'is gone': (res) => res.socket?.destroy(),
  'says nothing': () => {},
  'answers without end': (res) => {
    const more = (): void => {
      while (!res.destroyed && res.write(Buffer.alloc(65_536))) {}
    }
    res.on('drain', more)
    more()
  },
  'begins and stops': (res) => res.writeHead(200, { 'content-length': 1000 }).write('0'),
  'sends elsewhere': (res) => res.writeHead(302, { location: '/elsewhere' }).end(),
  'has a fault': (res) => res.writeHead(500).end('fault'),
  'answers with a page': (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>It works!</html>'),
  'answers with nothing': (res) => res.end(),
} satisfies Record<string, Answer>

export async function startAuthorityServer(t: TestContext): Promise<AuthorityServer> {
  const asked: string[] = []
  const answers: { crl: Answer; ocsp: Answer } = { crl: useless['has a fault'], ocsp: useless['has a fault'] }
  const server = createServer((req, res) => {
    const chunks: Uint8Array[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      asked.push(req.url ?? '')
      const answer = req.url === '/ca.crl' ? answers.crl : req.url === '/ocsp' ? answers.ocsp : useless['has a fault']
      answer(res, Buffer.concat(chunks), req)
    })
  })
  const port = await listen(t, server)
  const at = `http://127.0.0.1:${port}`
  return Object.assign(answers, {
    port,
    asked,
    places: [`authorityInfoAccess = OCSP;URI:${at}/ocsp`, `crlDistributionPoints = URI:${at}/ca.crl`],
  })
}
