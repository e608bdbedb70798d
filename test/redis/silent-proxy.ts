import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Stands between a process and its store, and can stop to pass anything on without closing anything: a network that has gone silent. */
export interface SilentProxy {
  readonly port: number
  silence(): void
  speak(): void
  close(): Promise<void>
}

export async function startProxy(target: number): Promise<SilentProxy> {
  let silent = false
  const sockets = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one)
      one.on('data', (chunk) => other.write(chunk))
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      // A connection that is made meanwhile is taken, and nothing comes back.
      if (silent) one.pause()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    silence() {
      silent = true
      for (const socket of sockets) socket.pause()
    },
    speak() {
      silent = false
      for (const socket of sockets) socket.resume()
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
