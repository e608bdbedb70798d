import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import { failureOf, isUnknownScript } from '../dist/failure.js'

const answers: readonly (readonly [answer: string, reason: StateError['reason']])[] = [
  ["OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:1.", 'full'],
  [
    "ERR Error running script (call to f_abc): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.",
    'full',
  ],
  ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.', 'full'],
  ["READONLY You can't write against a read only replica.", 'unreachable'],
  ['LOADING Redis is loading the dataset in memory', 'unreachable'],
  ['CLUSTERDOWN The cluster is down', 'unreachable'],
  ['BUSY Redis is busy running a script.', 'unreachable'],
  ['MOVED 1234 127.0.0.1:7001', 'unreachable'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'tampered'],
  ["NOPERM this user has no permissions to run the 'info' command", 'unsafe'],
  ['ERR ACL failure in script: User mesh has no permissions to access one of the keys', 'unsafe'],
  ['NOAUTH Authentication required.', 'unsafe'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'unsafe'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'unreachable'],
  ['OOMPH', 'unreachable'],
]

test('tells by the first word of an answer what is wrong with the store', () => {
  for (const [answer, reason] of answers) assert.equal(failureOf(new Error(answer)).reason, reason, answer)
  for (const thrown of [undefined, null, 'OOM', {}]) assert.equal(failureOf(thrown).reason, 'unreachable')
})

test('repeats nothing of what a client has thrown', () => {
  const error = Object.assign(new Error('WRONGTYPE hunter2'), { command: { args: ['hunter2'] } })
  const failure = failureOf(error)
  assert.doesNotMatch(`${failure.stack}${JSON.stringify(failure)}`, /hunter2/)
  assert.equal(failure.cause, undefined)
})

test('leaves what says already what is wrong', () => {
  const error = new StateError('timeout', 'late')
  assert.equal(failureOf(error), error)
})

test('knows a script that the server has forgotten', () => {
  assert.equal(isUnknownScript(new Error('NOSCRIPT No matching script. Please use EVAL.')), true)
  assert.equal(isUnknownScript(new Error('ERR NOSCRIPT')), false)
})
