import { createServer } from 'node:net'
import { createMemoryQuotaStore } from '@countersign/limit'
import { onLine } from './lines.js'

/** A quota store of its own process: a line of JSON in, a line of JSON out. Tells its parent the port. */
const store = createMemoryQuotaStore()
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy())
  onLine(socket, (line) => {
    const { requests, nowMs } = JSON.parse(line)
    socket.write(`${JSON.stringify(store.take(requests, nowMs))}\n`)
  })
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => process.send?.(server.address()))
process.on('disconnect', () => process.exit())
