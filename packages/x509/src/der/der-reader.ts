/** Bytes are not the DER that was expected. Thrown by readers, caught at the edge of the value that is read: never seen outside. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** The certificate grammar nests about ten deep; more is an attack on whoever recurses. */
const MAX_DEPTH = 24

/** Context-specific tag, as in `[0]`. */
export function contextTag(number: number, form: 'primitive' | 'constructed'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number
}

/**
 * Walks DER (X.690 §10): definite lengths in their shortest form, one-octet tags, nothing past the bounds. It reads one level and
 * never recurses by itself; the element read last is in `tag`, `start`, `contentStart` and `contentEnd`.
 */
export class DerReader {
  readonly bytes: Uint8Array
  tag = 0
  start = 0
  contentStart = 0
  contentEnd = 0
  #at: number
  #end: number
  readonly #depth: number

  constructor(bytes: Uint8Array, from = 0, to = bytes.length, depth = 0) {
    if (depth > MAX_DEPTH) throw new DerError('nested too deep')
    this.bytes = bytes
    this.#at = from
    this.#end = to
    this.#depth = depth
  }

  get atEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Reads the header of the next element, whatever its tag, and steps over its content. */
  next(): this {
    const bytes = this.bytes
    const end = this.#end
    let at = this.#at
    const tag = at < end ? bytes[at++] : undefined
    const first = at < end ? bytes[at++] : undefined
    if (tag === undefined || first === undefined) throw new DerError('ends in the middle of a header')
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of more than one octet')
    let length = first
    if (first >= 0x80) {
      const octets = first & 0x7f
      // X.690 §10.1: the definite form in the fewest octets. Four octets hold whatever fits into memory here.
      if (octets === 0 || octets > 4 || at + octets > end) throw new DerError('a length that is indefinite, too long or cut off')
      length = 0
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at++] ?? 0)
      if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('a length that is not in its shortest form')
    }
    if (length > end - at) throw new DerError('a length past the end')
    this.tag = tag
    this.start = this.#at
    this.contentStart = at
    this.contentEnd = at + length
    this.#at = at + length
    return this
  }

  isNext(tag: number): boolean {
    return this.#at < this.#end && this.bytes[this.#at] === tag
  }

  /** Reads the next element, which must have this tag. */
  take(tag: number): this {
    if (!this.isNext(tag)) throw new DerError('another type than expected')
    return this.next()
  }

  /** Reads the next element if it has this tag. */
  optional(tag: number): boolean {
    if (!this.isNext(tag)) return false
    this.next()
    return true
  }

  /** A reader of the content of the element read last. */
  enter(): DerReader {
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.#depth + 1)
  }

  /** Turns to another stretch of the same bytes: for lists of a million entries, where a reader each would be garbage. */
  turnTo(from: number, to: number): this {
    this.#at = from
    this.#end = to
    return this
  }

  /** View of the content of the element read last. */
  content(): Uint8Array {
    return this.bytes.subarray(this.contentStart, this.contentEnd)
  }

  /** View of the element read last, header included. */
  whole(): Uint8Array {
    return this.bytes.subarray(this.start, this.contentEnd)
  }

  /** @throws DerError unless everything was read. */
  finish(): void {
    if (this.#at !== this.#end) throw new DerError('bytes left over')
  }
}
