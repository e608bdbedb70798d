import { StateError } from '@countersign/core'

/** What a server says first when it refuses a command, alone or inside a script, and what that means here. */
const REFUSALS: Readonly<Record<string, readonly [reason: StateError['reason'], message: string]>> = {
  OOM: ['full', 'the store has no memory left'],
  MISCONF: ['full', 'the store cannot write to its disk, and so takes nothing'],
  NOREPLICAS: ['unreachable', 'the store has too few replicas to write'],
  READONLY: ['unreachable', 'the store is a replica'],
  LOADING: ['unreachable', 'the store is loading'],
  MASTERDOWN: ['unreachable', 'the store has lost its primary'],
  CLUSTERDOWN: ['unreachable', 'the cluster of the store is down'],
  TRYAGAIN: ['unreachable', 'the cluster of the store is being changed'],
  MOVED: ['unreachable', 'the cluster of the store is being changed, or the client is not made for a cluster'],
  ASK: ['unreachable', 'the cluster of the store is being changed, or the client is not made for a cluster'],
  CROSSSLOT: ['unsafe', 'the store does not keep the keys of a mesh together'],
  BUSY: ['unreachable', 'the store is busy with a script'],
  WRONGTYPE: ['tampered', 'a key of the mesh in the store holds something else'],
  NOPERM: ['unsafe', 'the user of the client may not do in the store what the mesh needs'],
  NOAUTH: ['unsafe', 'the store wants to know who the client is'],
  WRONGPASS: ['unsafe', 'the store does not know the user of the client, or its password'],
}

const WORD = new RegExp(`(?:^|[\\s-])(${Object.keys(REFUSALS).join('|')})(?=[\\s:]|$)`)

/**
 * What went wrong, in words of our own: an error of a client may hold the command, and with it what was to be kept.
 * @param fallback where the error says nothing.
 */
export function failureOf(error: unknown, fallback = 'the store cannot be reached'): StateError {
  if (error instanceof StateError) return error
  const text = error instanceof Error ? error.message : ''
  const word = text.includes('ACL failure in script') ? 'NOPERM' : (WORD.exec(text)?.[1] ?? '')
  const [reason, message] = REFUSALS[word] ?? ['unreachable', fallback]
  return new StateError(reason, message)
}

/** The server does not know the script yet, or no more. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
