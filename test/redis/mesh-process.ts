import { createGuard } from '@countersign/guard'
import { secureServer } from '@countersign/node'
import { createRedisStateStore } from '@countersign/redis'
import { createOutboxRelay, createRevocations } from '@countersign/state'
import { createTestMeter, createTestRecorder } from '@countersign/testing'
import { clientOf, entryOf } from './clients.js'
import type { Answer, ProcessConfig, Question } from './processes.js'

// One process of a mesh: a guarded service, the list of what was revoked, and a relay, on a store of Redis. It does what its parent says.
const config: ProcessConfig = JSON.parse(process.argv[2] ?? '{}')
const clock = { nowMs: () => Date.now() }
const recorder = createTestRecorder()
const meter = createTestMeter()
const store = createRedisStateStore({
  client: clientOf(config.kind, { port: config.redisPort }),
  name: config.name,
  macKey: Buffer.from(config.macKey, 'base64'),
  whenEmpty: 'new',
  // Half a lease: a machine that is busy with tests is not a store that is slow.
  timeoutMs: 500,
  connectTimeoutMs: 30_000,
})
const revocations = createRevocations({ store, clock, recorder, meter })
const guard = createGuard({
  mtls: { trust: { trustDomain: 'prod.example', file: config.trustFile } },
  jwt: {
    issuer: config.issuer,
    audience: config.audience,
    keys: { jwks: config.jwks },
    subjects: [{ trustDomain: 'prod.example' }],
    clockSkewSeconds: 0,
    revocation: { list: revocations },
  },
  authorize: 'any-authenticated',
  limit: null,
  audit: null,
})
const server = secureServer({ cert: config.certFile, key: config.keyFile, guard }, (_req, res) => res.end('served'))
server.keepAliveTimeout = 120_000
const relay = config.relays
  ? createOutboxRelay({
      outbox: store.outbox,
      recorder,
      meter,
      leaseMs: 1_000,
      timeoutMs: 500,
      sink: ({ id }) => void process.send?.({ delivered: id } satisfies Answer),
    })
  : null

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'ready': {
      await revocations.ready()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return typeof address === 'object' ? address?.port : null
    }
    case 'revoke':
      return revocations.revoke([entryOf(question.id)])
    case 'claim':
      return Promise.all(question.ids.map((id) => store.claim(id, Date.now() + 60_000)))
    case 'authenticate': {
      const version = (await store.read(['service']))[0]?.version ?? null
      return revocations.commit({
        expect: [['service', version]],
        put: [{ key: 'service', value: question.id, untilMs: Date.now() + 60_000 }],
      })
    }
    case 'revoke-current':
      for (;;) {
        const record = (await store.read(['service']))[0] ?? null
        if (record === null) return null
        const { value, version } = record
        if (await revocations.commit({ expect: [['service', version]], remove: ['service'], revoke: [entryOf(value)] })) return value
      }
    case 'look': {
      const value = (await store.read(['service']))[0]?.value ?? null
      // Whatever was committed before the record was read is in a view that is asked for after it.
      await revocations.ready()
      return { value, isRevoked: value !== null && revocations.has('token', value, Date.now()) }
    }
    case 'emit-and-die':
      await store.commit({ emit: [{ id: question.id, topic: 'auth.token.revoked', payload: '{}', atMs: Date.now() }] })
      process.kill(process.pid, 'SIGKILL')
      return null
    case 'take-and-die':
      await store.commit({ emit: [{ id: question.id, topic: 'auth.token.revoked', payload: '{}', atMs: Date.now() }] })
      await store.outbox.take(100, 1_000)
      process.kill(process.pid, 'SIGKILL')
      return null
    case 'close': {
      server.close()
      server.closeAllConnections()
      await relay?.close()
      await revocations.close()
      await store.close()
      await guard.close()
      process.disconnect()
      return null
    }
  }
}

process.on('message', (question: Question) => {
  answer(question).then(
    (value) => process.connected && process.send?.({ id: question.number, value } satisfies Answer),
    (error: unknown) => {
      const reason = error instanceof Error && 'reason' in error ? `${String(error.reason)}: ${error.message}` : String(error)
      if (process.connected) process.send?.({ id: question.number, error: reason } satisfies Answer)
    },
  )
})
