import type { Headers, Inbound, Refusal } from '@countersign/core'
import type { Entry } from '../entry.js'

/** Proves of each request that whoever sends it holds the key that its token is bound to. */
export interface Prover {
  /**
   * Reads the proof of a request, and checks all of it that takes neither cryptography nor the token.
   * @returns the second half, for once the token is verified: it uses the proof up, so it comes last.
   */
  read(inbound: Inbound): Refusal | ((entry: Entry) => Promise<Refusal | null>)
  /** Fields that the answer takes along; `null`: none. Left out where there never are any. */
  fieldsFor?(inbound: Inbound): Headers | null
}
