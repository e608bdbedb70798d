import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchError, inTime, StateError, storeIsLate, withDeadline } from '@countersign/core'

const NEVER = new Promise<never>(() => {})

test('hands on what the work resolves or rejects with, and what needs no waiting', async () => {
  assert.equal(await inTime(Promise.resolve('done'), 10_000, storeIsLate), 'done')
  assert.equal(await inTime('done', 10_000, storeIsLate), 'done')
  await assert.rejects(inTime(Promise.reject(new RangeError('no')), 10_000, storeIsLate), RangeError)
})

test('ends with what is said when the time is over', async () => {
  assert.equal(await inTime(NEVER, 1, () => 'late'), 'late')
  await assert.rejects(inTime(NEVER, 1, storeIsLate), (error: unknown) => error instanceof StateError && error.reason === 'timeout')
})

test('says nothing of being late once the work has ended', async () => {
  let said = 0
  await inTime(Promise.resolve(), 1, () => said++)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(said, 0)
})

test('ends work that does not heed its signal, and tells it that it is over', async () => {
  let ended: AbortSignal | null = null
  const deadline = { server: 'the issuer', timeoutMs: 1, signal: new AbortController().signal }
  const work = withDeadline(deadline, (signal) => {
    ended = signal
    return NEVER
  })
  await assert.rejects(work, FetchError)
  assert.equal((ended as AbortSignal | null)?.aborted, true)
})

test('ends with the signal that it is given, before or while the work is done', async () => {
  const closing = new AbortController()
  const deadline = { server: 'the issuer', timeoutMs: 10_000, signal: closing.signal }
  const work = withDeadline(deadline, () => NEVER)
  closing.abort()
  await assert.rejects(work, FetchError)
  await assert.rejects(
    withDeadline(deadline, () => {
      throw new RangeError('at once')
    }),
  )
})
