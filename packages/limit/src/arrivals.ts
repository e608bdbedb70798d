/** One bucket: when its backlog will have drained, in whole microseconds since the epoch, so that sums are exact up to 2^53. */
export interface Arrival {
  atUs: number
}

/**
 * The backlog of a bucket, in microseconds. One above the capacity means that the clock was set back: it is cut to a full one there and
 * then, or whoever is refused, and so charges nothing, would wait for as long as that was.
 */
export function backlogUsOf(arrival: Arrival, nowUs: number, capacityUs: number): number {
  if (arrival.atUs - nowUs > capacityUs) arrival.atUs = nowUs + capacityUs
  return Math.max(arrival.atUs - nowUs, 0)
}

/**
 * Theoretical arrival times by key, in a bounded map. One that still counts is never evicted, since that would give its caller a fresh
 * burst: when every place is taken, new keys share a few coarse buckets until places are free again.
 */
export interface Arrivals {
  readonly size: number
  /** The bucket to read; `undefined` for an empty one. */
  find(key: string, intervalUs: number, burst: number): Arrival | undefined
  /** The bucket to charge. */
  claim(key: string, intervalUs: number, burst: number, nowUs: number): Arrival
}

/** Places looked at for each new key: two free more than one fills, so that the map never holds more of the past than of the present. */
const SWEPT_PER_KEY = 2
/** Places looked at for each new key when none is free. */
const SWEPT_WHEN_FULL = 16
/**
 * Shared buckets for each quota: few enough that a flood of keys gains nothing, more than one so that it does not stop every newcomer at
 * once.
 */
const SHARED_BUCKETS = 64

/** Makes an empty map of at most `maxKeys` keys. */
export function createArrivals(maxKeys: number): Arrivals {
  const own = new Map<string, Arrival>()
  const shared = new Map<string, Arrival>()
  let cursor = own.entries()

  function sweep(places: number, nowUs: number): void {
    for (let place = 0; place < places; place++) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = own.entries()
        return
      }
      const [key, arrival] = next.value
      if (arrival.atUs <= nowUs) own.delete(key)
    }
  }

  return {
    get size() {
      return own.size
    },
    find(key, intervalUs, burst) {
      return own.get(key) ?? (own.size < maxKeys ? undefined : shared.get(sharedKey(key, intervalUs, burst)))
    },
    claim(key, intervalUs, burst, nowUs) {
      const known = own.get(key)
      if (known !== undefined) return known
      sweep(own.size < maxKeys ? SWEPT_PER_KEY : SWEPT_WHEN_FULL, nowUs)
      const arrival = { atUs: nowUs }
      if (own.size < maxKeys) {
        own.set(key, arrival)
        return arrival
      }
      const coarse = sharedKey(key, intervalUs, burst)
      const kept = shared.get(coarse) ?? arrival
      shared.set(coarse, kept)
      return kept
    },
  }
}

// The quota is part of the key: a bucket holds time, and time is worth another number of requests under another quota.
function sharedKey(key: string, intervalUs: number, burst: number): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return `${(hash >>> 0) % SHARED_BUCKETS}/${intervalUs}/${burst}`
}
