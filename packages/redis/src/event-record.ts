import type { StateEvent } from '@countersign/core'
import { SEAL_LENGTH, type Sealer } from './seal.js'

export function writeEvent(sealer: Sealer, { id, topic, payload, atMs }: StateEvent): string {
  const json = JSON.stringify([id, topic, payload, atMs])
  return `${sealer.seal('event', json)}${json}`
}

/**
 * @param place the id that it stands under: in the place of another it would be delivered again for ever, since it is taken out under its own.
 * @throws {StateError} `tampered`.
 */
export function readEvent(sealer: Sealer, place: string, text: string): StateEvent {
  const json = text.slice(SEAL_LENGTH)
  sealer.check(text.slice(0, SEAL_LENGTH), 'event', json)
  const [id, topic, payload, atMs] = JSON.parse(json) as [string, string, string, number]
  if (id !== place) throw sealer.tampered('event')
  return { id, topic, payload, atMs }
}
