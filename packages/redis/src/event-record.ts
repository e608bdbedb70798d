import type { StateEvent } from '@countersign/core'
import { SEAL_LENGTH, type Sealer } from './seal.js'

export function writeEvent(sealer: Sealer, { id, topic, payload, atMs }: StateEvent): string {
  const json = JSON.stringify([id, topic, payload, atMs])
  return `${sealer.seal('event', json)}${json}`
}

/** @throws {StateError} `tampered`. */
export function readEvent(sealer: Sealer, text: string): StateEvent {
  const json = text.slice(SEAL_LENGTH)
  sealer.check(text.slice(0, SEAL_LENGTH), 'event', json)
  const [id, topic, payload, atMs] = JSON.parse(json) as [string, string, string, number]
  return { id, topic, payload, atMs }
}
