import { type AuditOptions, createRecorder } from '@countersign/audit'
import { createTestClock, createTestLogger } from '@countersign/testing'
import { type RowsOf, testOptions } from './options.js'
import { createStage, serve } from './stage.js'

const stage = createStage()
const { orders } = stage

const rows: RowsOf<AuditOptions> = {
  logger: {
    refused: [5, 'console', {}, [], null, { info() {}, warn() {} }],
    async effect(t) {
      const [one, other] = [createTestLogger(), createTestLogger()]
      await (await serve(t, stage, { audit: { logger: one } })).call()
      return [
        [one.toString().includes('ERR_PEER_MISSING'), true],
        [other.toString().includes('ERR_PEER_MISSING'), false],
      ]
    },
  },
  allowed: {
    refused: [5, true, 'some', [], {}, { oneIn: 0 }, { oneIn: 0.5 }, { oneIn: 2, of: 3 }],
    async effect(t) {
      const lines = async (allowed: NonNullable<AuditOptions['allowed']>): Promise<number> => {
        const logger = createTestLogger()
        const { call } = await serve(t, stage, { audit: { logger, allowed } })
        for (let index = 0; index < 4; index++) await call({ as: orders })
        return logger.lines.filter(({ facts }) => 'kind' in facts && facts['kind'] === 'request.allowed').length
      }
      return [
        [[await lines('all'), await lines({ oneIn: 2 })], [4, 2]],
        [[await lines('none')], [0]],
      ]
    },
  },
  whenUnavailable: {
    refused: [5, true, 'ignore', {}, []],
    async effect(t) {
      const said = async (whenUnavailable: NonNullable<AuditOptions['whenUnavailable']>): Promise<string> => {
        const full = (): void => {
          throw new Error('disk full')
        }
        const logger = { info: full, warn: full, error: full }
        return (await (await serve(t, stage, { audit: { logger, allowed: 'all', whenUnavailable } })).call({ as: orders })).said
      }
      return [
        [await said('refuse'), 'ERR_UNAVAILABLE'],
        [await said('continue'), orders.id],
      ]
    },
  },
}

testOptions('audit', rows, (field, value) => createRecorder({ [field]: value } as AuditOptions, { clock: createTestClock() }))
