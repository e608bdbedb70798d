import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { secureHttp2Server } from '@countersign/node'
import { dataFrame, field, headerFrames, opening, requestBlock, resetFrame, swollenField } from './h2-wire.js'
import { createArena, open, rawSocket, send } from './harness.js'

/** Streams that are reset in the breath in which they are opened, some behind frames that make the server read them all in one go. */
function resets(): Buffer[] {
  return Array.from({ length: 60 }, (_, index) => {
    const streamId = 1 + 2 * index
    const endStream = index % 3 === 0
    const frames = [headerFrames(streamId, blockOf(index), endStream)]
    if (!endStream) frames.push(dataFrame(streamId, 'body'))
    frames.push(resetFrame(streamId, index % 2 === 0 ? 0 : 8))
    return Buffer.concat(frames)
  })
}

function blockOf(index: number): Buffer {
  if (index % 10 >= 7) return requestBlock('POST', swollenField())
  if (index % 4 === 0) return requestBlock('POST', field('x', 'a'.repeat(12_000)), field('y', 'a'.repeat(12_000)))
  return requestBlock(index % 4 === 1 ? 'CONNECT' : 'POST')
}

async function attack(t: TestContext, withStreamHandler: boolean): Promise<void> {
  const arena = createArena(t)
  const orders = arena.mesh.workload('/orders')
  const guard = createGuard({ mtls: { trust: arena.mesh.trust }, jwt: null, authorize: [orders.id], audit: null })
  t.after(() => guard.close())
  const server = secureHttp2Server({ cert: arena.cert, key: arena.key, guard }, (_, res) => res.end('in'))
  // Its own answer comes from the listener above.
  if (withStreamHandler) server.on('stream', () => {})
  const port = await open(t, server)

  const socket = await rawSocket(t, port, null, 'h2')
  const opened = once(server, 'session')
  socket.write(opening())
  await opened
  const frames = resets()
  for (let at = 0; at < frames.length; at += 10) {
    const read = once(socket, 'data')
    socket.write(Buffer.concat(frames.slice(at, at + 10)))
    await Promise.race([read, once(socket, 'close')])
  }
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, cert: orders.chainPem, key: orders.keyPem })
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/' })
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 200)
  assert.equal((await send(port, { credential: orders })).status, 200)
}

test('lives on where streams with header sections too large are reset as they are opened', (t) => attack(t, false))

test('lives on where streams are reset as they are opened and somebody handles streams', (t) => attack(t, true))
