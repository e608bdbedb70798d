import { createHash } from 'node:crypto'
import { StateError } from '@countersign/core'
import type { Connection } from './connection.js'
import { isUnknownScript } from './failure.js'

/** A script of the server, which runs in one step. Every key that it touches is declared, as a cluster wants it. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

export function createScript(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/**
 * Runs a script by its digest, and with its text where the server does not know it: after a restart, on another node, or the first time.
 * @returns its answer, which is a list.
 */
export async function runScript(
  connection: Connection,
  script: Script,
  keys: readonly [string, ...string[]],
  args: readonly (string | number)[],
): Promise<readonly unknown[]> {
  const rest = [String(keys.length), ...keys, ...args.map(String)]
  const answer = await connection.send(keys[0], ['EVALSHA', script.sha1, ...rest]).catch((error: unknown) => {
    if (!isUnknownScript(error)) throw error
    return connection.send(keys[0], ['EVAL', script.text, ...rest])
  })
  return listOf(answer)
}

/** Text of an answer: a client may give bytes. */
export function textOf(answer: unknown): string {
  if (typeof answer === 'string') return answer
  if (typeof answer === 'number') return String(answer)
  if (answer instanceof Uint8Array) return Buffer.from(answer).toString('utf8')
  throw notRedis()
}

/** Text, or `null` for what is not there: inside the answer of a script that is false. */
export function textOrNull(answer: unknown): string | null {
  return answer === null || answer === undefined || answer === false ? null : textOf(answer)
}

export function listOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw notRedis()
  return answer
}

function notRedis(): StateError {
  return new StateError('unreachable', 'the store answers what no server of Redis does')
}
