import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedisStreamSink } from '@countersign/redis'
import { createOutboxRelay } from '@countersign/state'
import { createTestMeter, createTestRecorder } from '@countersign/testing'
import { startRedis } from './redis-server.js'
import { adminOf, because, CLIENT_KINDS, clientOf, closesAtEnd, eventually, newName, serverForFile, storeOn } from './stores.js'

const server = await serverForFile()
const admin = await adminOf(server)

function eventOf(id: string) {
  return { id, topic: 'auth.token.revoked', payload: JSON.stringify({ jti: id }), atMs: 1_764_200_000_000 }
}

for (const kind of CLIENT_KINDS) {
  test(`${kind}: what a mesh has committed arrives in a stream that others read as a group`, async (t) => {
    const stream = newName()
    const sink = createRedisStreamSink({ client: clientOf(kind, server), stream })
    closesAtEnd(async () => sink.close())
    const store = storeOn(server, { kind })
    await store.commit({ emit: ['a', 'b', 'c'].map(eventOf) })
    const relay = createOutboxRelay({ outbox: store.outbox, sink, recorder: createTestRecorder(), meter: createTestMeter() })
    t.after(() => relay.close())
    await relay.flush()
    await admin.xGroupCreate(stream, 'readers', '0')
    const read = await admin.sendCommand(['XREADGROUP', 'GROUP', 'readers', 'one', 'COUNT', '10', 'STREAMS', stream, '>'])
    assert.deepEqual(
      (await admin.xRange(stream, '-', '+'))?.map(({ message }) => ({ ...message })),
      ['a', 'b', 'c'].map((id) => ({ id, topic: 'auth.token.revoked', payload: `{"jti":"${id}"}`, at: '1764200000000' })),
    )
    assert.match(JSON.stringify(read), /auth\.token\.revoked/)
    assert.deepEqual(await store.outbox.take(10, 1_000), [])
  })

  test(`${kind}: a stream keeps about as many events as it may`, async () => {
    const stream = newName()
    const sink = createRedisStreamSink({ client: clientOf(kind, server), stream, maxLength: 100 })
    closesAtEnd(async () => sink.close())
    for (let i = 0; i < 1_000; i++) await sink(eventOf(String(i)))
    const length = await admin.xLen(stream)
    assert.ok(length >= 100 && length < 300, String(length))
    assert.equal((await admin.xRevRange(stream, '+', '-', { COUNT: 1 }))?.[0]?.message['id'], '999')
  })

  test(`${kind}: a sink whose server is away rejects in time, and what was not taken is delivered when it is back`, async (t) => {
    const own = await startRedis()
    t.after(() => own.stop())
    const stream = newName()
    const sink = createRedisStreamSink({ client: clientOf(kind, own), stream, timeoutMs: 100 })
    closesAtEnd(async () => sink.close())
    const store = storeOn(server, { kind })
    const relay = createOutboxRelay({ outbox: store.outbox, sink, recorder: createTestRecorder(), meter: createTestMeter(), pollMs: 50 })
    t.after(() => relay.close())
    await sink(eventOf('first'))
    own.freeze()
    await assert.rejects(sink(eventOf('direct')), because('timeout'))
    await store.commit({ emit: [eventOf('late')] })
    own.thaw()
    const read = await adminOf(own)
    await eventually(
      async () => ((await read.xRange(stream, '-', '+')) ?? []).map(({ message }) => message['id']),
      (ids) => ids.includes('late'),
    )
  })
}

test('a sink that is closed says so', async () => {
  const sink = createRedisStreamSink({ client: clientOf('node-redis', server), stream: newName() })
  sink.close()
  await assert.rejects(sink(eventOf('a')), because('closed'))
})
