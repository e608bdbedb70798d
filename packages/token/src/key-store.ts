import type { VerificationKey } from './verification-key.js'

/**
 * Whether the keys can be used now. `usable`: yes. `aged`: it is time to ask the issuer, and better to wait for the answer, but what
 * is here may still be used. `absent`: the answer must be waited for. `unavailable`: there is nothing to use, and no use in asking yet.
 */
export type Standing = 'usable' | 'aged' | 'absent' | 'unavailable'

/** The keys of one issuer, from wherever they come. Asking never waits. */
export interface KeyStore {
  /** Grows whenever the keys changed. */
  readonly epoch: number
  /** The keys that may have made a signature. */
  find(kid: string | null, algorithm: string): readonly VerificationKey[]
  /** Starts a refresh in the background where one is due. */
  standing(nowMs: number): Standing
  /** A key is not here: `ask` the issuer, it is `unknown`, or that cannot be told since the issuer `failed` to answer. */
  missing(nowMs: number): 'ask' | 'unknown' | 'failed'
  /** Asks the issuer; one question at a time. Never rejects. */
  load(): Promise<void>
  /** Rejects if no keys could be had. */
  ready(): Promise<void>
  close(): Promise<void>
}

const DONE: Promise<void> = Promise.resolve()

/** The part of a {@link KeyStore} that is the same wherever keys are at hand. */
export const AT_HAND = Object.freeze({
  standing: (): Standing => 'usable',
  missing: (): ReturnType<KeyStore['missing']> => 'unknown',
  load: () => DONE,
  ready: () => DONE,
  close: () => DONE,
})
