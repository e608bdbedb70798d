import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

/** Counts the signatures that are verified from now on, until the test is over. */
export function countVerifications(t: TestContext): { callCount(): number } {
  return replaceVerify(t, crypto.verify)
}

/** Lets no signature that is verified in the background be finished before `until`. */
export function holdVerifications(t: TestContext, until: Promise<void>): void {
  const verify = crypto.verify as (...args: readonly unknown[]) => unknown
  replaceVerify(t, ((...args) => {
    void until.then(() => verify(...args))
    return undefined
  }) as typeof crypto.verify)
}

function replaceVerify(t: TestContext, verify: typeof crypto.verify): { callCount(): number } {
  const { mock } = t.mock.method(crypto, 'verify', verify)
  syncBuiltinESMExports()
  t.after(() => {
    mock.restore()
    syncBuiltinESMExports()
  })
  return mock
}
