import type { Clock, SecurityEvent } from '@countersign/core'

/** Decides which of many like events are written, and counts the others. */
export interface FloodGate {
  /** The number of events like it that were not written before, or -1 if this one is not either, which costs next to nothing. */
  pass(event: SecurityEvent): number
  /** What was counted and not told yet, by topic; forgets it. */
  drain(): readonly (readonly [topic: string, suppressed: number])[]
}

/**
 * Lines of one topic (a kind and a code) in each second, after a burst: enough to see what goes on, little enough to read and to pay for.
 */
const PER_TOPIC = { perSecond: 10, burst: 50 } as const
/** Of one source less than that, so that the failures of another one are still seen. */
const PER_SOURCE = { perSecond: 2, burst: 20 } as const
/** Codes are ours, but a custom part may invent them. */
const MAX_TOPICS = 256
/** Sources are the callers' choice; those beyond share one budget. */
const MAX_SOURCES = 1024
const OTHER = 'other'

interface Bucket {
  fullAtMs: number
}

interface Topic extends Bucket {
  readonly name: string
  readonly sources: Map<string, Bucket>
  suppressed: number
}

/** Makes a gate that lets everything pass until it is too much. */
export function createFloodGate(clock: Clock): FloodGate {
  // By kind, by code and then by source: a text made of them would have to be hashed for each event of a flood.
  const topics = new Map<string, Map<string, Topic>>()
  const all: Topic[] = []
  const others: Bucket = { fullAtMs: 0 }
  let sources = 0

  function topicOf(kind: string, code: string): Topic {
    const known = topics.get(kind)?.get(code)
    if (known !== undefined) return known
    if (all.length >= MAX_TOPICS && (kind !== OTHER || code !== '')) return topicOf(OTHER, '')
    const topic = { name: `${kind} ${code}`, sources: new Map<string, Bucket>(), fullAtMs: 0, suppressed: 0 }
    const ofKind = topics.get(kind)
    if (ofKind === undefined) topics.set(kind, new Map([[code, topic]]))
    else ofKind.set(code, topic)
    all.push(topic)
    return topic
  }

  function sourceOf(topic: Topic, name: string, nowMs: number): Bucket {
    const known = topic.sources.get(name)
    if (known !== undefined) return known
    if (sources >= MAX_SOURCES) {
      forgetIdle(nowMs)
      if (sources >= MAX_SOURCES) return others
    }
    const bucket = { fullAtMs: 0 }
    topic.sources.set(name, bucket)
    sources++
    return bucket
  }

  function forgetIdle(nowMs: number): void {
    for (const topic of all)
      for (const [name, { fullAtMs }] of topic.sources) if (fullAtMs <= nowMs && topic.sources.delete(name)) sources--
  }

  return {
    pass({ kind, code = '', facts }) {
      const nowMs = clock.nowMs()
      const topic = topicOf(kind, code)
      // The topic first: in a flood of sources it is used up, and no source is looked for.
      const source = hasRoom(topic, PER_TOPIC, nowMs) ? sourceOf(topic, sourceIn(facts), nowMs) : null
      if (source === null || !hasRoom(source, PER_SOURCE, nowMs)) {
        topic.suppressed++
        return -1
      }
      charge(source, PER_SOURCE, nowMs)
      charge(topic, PER_TOPIC, nowMs)
      const { suppressed } = topic
      topic.suppressed = 0
      return suppressed
    },
    drain() {
      const told: (readonly [string, number])[] = []
      for (const topic of all) {
        if (topic.suppressed === 0) continue
        told.push([topic.name, topic.suppressed])
        topic.suppressed = 0
      }
      return told
    },
  }
}

function sourceIn(facts: SecurityEvent['facts']): string {
  return String(facts['peer'] ?? facts['clientAddress'] ?? facts['remoteAddress'] ?? '')
}

function hasRoom({ fullAtMs }: Bucket, { perSecond, burst }: typeof PER_TOPIC | typeof PER_SOURCE, nowMs: number): boolean {
  const spanMs = (burst * 1000) / perSecond
  return Math.min(Math.max(fullAtMs - nowMs, 0), spanMs) + 1000 / perSecond <= spanMs
}

function charge(bucket: Bucket, { perSecond, burst }: typeof PER_TOPIC | typeof PER_SOURCE, nowMs: number): void {
  const spanMs = (burst * 1000) / perSecond
  bucket.fullAtMs = nowMs + Math.min(Math.max(bucket.fullAtMs - nowMs, 0), spanMs) + 1000 / perSecond
}
