/**
 * Something that can give the current value: a constant, a file, an endpoint. Asking never waits. `epoch` grows by at least one
 * whenever a value changed: facts kept from an older epoch are looked up again.
 */
export interface Source<T> {
  get(key: string): T | undefined
  readonly epoch: number
  /** Asks for values that are not here yet. Whoever finds none for a key may call it, and look again. One question at a time; never rejects. */
  load?(): Promise<void>
  /** The last question failed: a value that is not here may be there all the same. Default `false`. */
  readonly failing?: boolean
  /** The first values are loaded. Rejects if they cannot be. */
  ready?(): Promise<void>
  close?(): Promise<void>
}

/** The anchors that may vouch for one trust domain, or with `trustDomain: null` for names of plain PKI (no SPIFFE ID). */
export interface TrustBundle {
  readonly trustDomain: string | null
  /** DER certificates. */
  readonly anchors: readonly Uint8Array[]
}
