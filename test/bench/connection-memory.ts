import { connect, type TLSSocket } from 'node:tls'
import { type Mesh, mintToken } from './credentials.js'
import { requestBytes } from './load.js'
import { SERVER_NAME, TRUST_DOMAIN } from './names.js'
import { startServer } from './server-process.js'
import { median } from './statistics.js'

/** One of many callers. */
interface Caller {
  readonly keyPem: string
  readonly chainPem: string
  readonly caPem: string
  readonly token: string
}

/** What an open connection keeps in the server, its certificate seen nowhere else. Bytes: heap, external and array buffers. */
export interface ConnectionMemory {
  readonly connections: number
  readonly bare: number
  /** Certificates looked at, tokens not. */
  readonly certificate: number
  /** Certificate, and a token of its own for each connection. */
  readonly certificateAndToken: number
}

const WARM_CONNECTIONS = 50
const CONCURRENT_HANDSHAKES = 10

export async function connectionMemory(mesh: Mesh, connections: number, repetitions: number): Promise<ConnectionMemory> {
  const callers = Array.from({ length: connections + WARM_CONNECTIONS }, (_, index): Caller => {
    const spiffeId = `spiffe://${TRUST_DOMAIN}/caller-${index}`
    const issued = mesh.authority.issue({ spiffeId, dns: [`caller-${index}.bench.example`] })
    return { keyPem: issued.keyPem, chainPem: issued.chainPem, caPem: mesh.caller.caPem, token: mintToken(mesh.signer, spiffeId, issued) }
  })
  const held = { bare: [] as number[], 'certificate-only': [] as number[], 'every-caller': [] as number[] }
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const variant of ['bare', 'certificate-only', 'every-caller'] as const)
      held[variant].push(await heldPerConnection(variant, callers, mesh))
  }
  return {
    connections,
    bare: median(held.bare),
    certificate: median(held['certificate-only']),
    certificateAndToken: median(held['every-caller']),
  }
}

async function heldPerConnection(variant: string, callers: readonly Caller[], mesh: Mesh): Promise<number> {
  const server = await startServer('node:http', variant, mesh.server)
  const sockets: TLSSocket[] = []
  const openAll = async (some: readonly Caller[]): Promise<void> => {
    for (let start = 0; start < some.length; start += CONCURRENT_HANDSHAKES) {
      const opened = some.slice(start, start + CONCURRENT_HANDSHAKES).map((caller) => openAndAsk(server.port, caller))
      sockets.push(...(await Promise.all(opened)))
    }
  }
  try {
    await openAll(callers.slice(0, WARM_CONNECTIONS))
    const before = await server.heldBytes()
    await openAll(callers.slice(WARM_CONNECTIONS))
    return ((await server.heldBytes()) - before) / (callers.length - WARM_CONNECTIONS)
  } finally {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
}

/** Opens a connection, has one request answered, and leaves it open. */
function openAndAsk(port: number, { keyPem, chainPem, caPem, token }: Caller): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: SERVER_NAME, key: keyPem, cert: chainPem, ca: caPem })
    socket.once('error', reject)
    socket.once('secureConnect', () => socket.write(requestBytes(token)))
    socket.once('data', (answer: Buffer) => {
      if (answer.toString('latin1').startsWith('HTTP/1.1 200')) resolve(socket)
      else reject(new Error(`the server answered:\n${answer.toString('latin1')}`))
    })
  })
}
