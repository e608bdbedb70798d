import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Site } from './site.js'
import type { Service } from './stage.js'

/** What a service behind a proxy was sent. */
export interface Recorded {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  /** SAN of the certificate that the connection to the service was made with. */
  readonly connection: string
}

/** An HTTPS service that answers with what it was sent. */
export async function startRecordingService(site: Site): Promise<Service> {
  const server = createServer(
    {
      cert: readFileSync(site.service.cert),
      key: readFileSync(site.service.key),
      ca: site.mesh.trustPem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (req, res) => {
      const certificate = (req.socket as TLSSocket).getPeerX509Certificate()
      const recorded: Recorded = { rawHeaders: req.rawHeaders, connection: certificate?.subjectAltName ?? '' }
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify(recorded))
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
