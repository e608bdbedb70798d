export { assertGuardFirst, type GuardFirstOptions } from './assert-guard-first.js'
export { createTestClock, type TestClock } from './clock.js'
export { type FakeInboundOptions, fakeConnection, fakeInbound } from './fake-inbound.js'
export { type FakeTlsSocket, type FakeTlsSocketOptions, fakeTlsSocket } from './fake-tls-socket.js'
export { type InjectedListener, type InjectedResponse, type InjectOptions, inject } from './inject.js'
export { type JwksMode, type JwksServer, startJwksServer } from './jwks-server.js'
export { createTestLogger, type LogLine, type TestLogger } from './logger.js'
export {
  type AcceptedTokens,
  createTestMesh,
  type TestMesh,
  type TestMeshOptions,
  type TestTokenRequest,
  type WorkloadOptions,
} from './mesh.js'
export { createTestMeter, type MeterPoint, type TestMeter } from './meter.js'
export { createTestRecorder, type TestRecorder } from './recorder.js'
export { type Workload, workloadFrom } from './workload.js'
