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
      const writes = async (logger: typeof one): Promise<number[]> => {
        await (await serve(t, stage, { audit: { logger } })).call()
        const seen = [one, other].map(({ lines }) => lines.filter(({ message }) => message === 'invalid_client_cert').length)
        one.clear()
        other.clear()
        return seen
      }
      return [
        [await writes(one), [1, 0]],
        [await writes(other), [0, 1]],
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
        [
          [await lines('all'), await lines({ oneIn: 2 })],
          [4, 2],
        ],
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
