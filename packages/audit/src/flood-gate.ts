import type { Clock } from '@countersign/core'

/** Decides which of many like events are written, and counts the others. */
export interface FloodGate {
  /** The number of events like it that were not written before, or -1 if this one is not either. */
  pass(topic: string, source: string): number
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
  suppressed: number
}

/** Makes a gate that lets everything pass until it is too much. */
export function createFloodGate(clock: Clock): FloodGate {
  const topics = new Map<string, Topic>()
  const sources = new Map<string, Bucket>()

  function topicOf(name: string): Topic {
    const key = topics.has(name) || topics.size < MAX_TOPICS ? name : OTHER
    const known = topics.get(key)
    if (known !== undefined) return known
    const topic = { fullAtMs: 0, suppressed: 0 }
    topics.set(key, topic)
    return topic
  }

  function sourceOf(name: string, nowMs: number): Bucket {
    const known = sources.get(name)
    if (known !== undefined) return known
    if (sources.size >= MAX_SOURCES) {
      for (const [key, { fullAtMs }] of sources) if (fullAtMs <= nowMs) sources.delete(key)
      if (sources.size >= MAX_SOURCES) return sources.get(OTHER) ?? keep(OTHER)
    }
    return keep(name)
  }

  function keep(name: string): Bucket {
    const bucket = { fullAtMs: 0 }
    sources.set(name, bucket)
    return bucket
  }

  return {
    pass(topicName, sourceName) {
      const nowMs = clock.nowMs()
      const topic = topicOf(topicName)
      // The topic first: in a flood of sources it is used up, and no source is looked for.
      const source = hasRoom(topic, PER_TOPIC, nowMs) ? sourceOf(`${topicName} ${sourceName}`, nowMs) : null
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
      for (const [name, topic] of topics) {
        if (topic.suppressed === 0) continue
        told.push([name, topic.suppressed])
        topic.suppressed = 0
      }
      return told
    },
  }
}

function hasRoom({ fullAtMs }: Bucket, { perSecond, burst }: typeof PER_TOPIC | typeof PER_SOURCE, nowMs: number): boolean {
  const spanMs = (burst * 1000) / perSecond
  return Math.min(Math.max(fullAtMs - nowMs, 0), spanMs) + 1000 / perSecond <= spanMs
}

function charge(bucket: Bucket, { perSecond, burst }: typeof PER_TOPIC | typeof PER_SOURCE, nowMs: number): void {
  const spanMs = (burst * 1000) / perSecond
  bucket.fullAtMs = nowMs + Math.min(Math.max(bucket.fullAtMs - nowMs, 0), spanMs) + 1000 / perSecond
}
