import { type JsonObject, type Refusal, refuse, type Token } from '@countersign/core'
import type { Appraisal } from './appraisal.js'
import { judgeTime } from './claims.js'
import type { Issuer } from './issuer.js'
import { askRevocation, type Revocable } from './revocation.js'
import type { VerificationKey } from './verification-key.js'
import { createToken } from './verified-token.js'

/** A token whose signature was verified, and what must still be true of it on every request. */
export interface Entry extends Revocable {
  /** The whole `Authorization` field in its one spelling. */
  readonly field: string
  readonly token: Token
  readonly claims: JsonObject
  readonly issuer: Issuer
  readonly kid: string | null
  readonly algorithm: string
  /** Of the key that made the signature. */
  readonly thumbprint: string
  readonly tokenId: string
  readonly expiresAtMs: number
  readonly notBeforeMs: number
  readonly issuedAtMs: number
  /** Epoch of the issuer's keys in which the key was last seen among them. */
  epoch: number
  clearedIn: number | undefined
}

/**
 * What is to be said of an entry now. `null`: it is true. `aged`, `absent`: only once the issuer's keys were asked for, see `Standing`.
 * `changed`: its key is no longer among them.
 */
export type Judgement = Refusal | null | 'aged' | 'absent' | 'changed'

const KEYS_UNAVAILABLE = Object.freeze(refuse('ERR_KEYS_UNAVAILABLE'))

/** Makes the entry of a token that `key` has signed. */
export function createEntry(field: string, appraisal: Appraisal, key: VerificationKey, epoch: number): Entry {
  const { issuer, kid, algorithm, assertions } = appraisal
  const { claims, tokenId, expiresAtMs, notBeforeMs, issuedAtMs } = assertions
  const { thumbprint } = key
  return {
    field,
    token: createToken(issuer.issuer, assertions),
    claims,
    issuer,
    kid,
    algorithm,
    thumbprint,
    tokenId,
    expiresAtMs,
    notBeforeMs,
    issuedAtMs,
    epoch,
    clearedIn: undefined,
  }
}

/** Judges an entry, on every request: time, the issuer's keys, revocation. No cryptography. */
export function judgeEntry(entry: Entry, nowMs: number): Judgement {
  const untimely = judgeTime(entry, nowMs)
  if (untimely !== null) return untimely
  const { issuer } = entry
  const standing = issuer.keys.standing(nowMs)
  if (standing !== 'usable') return standing === 'unavailable' ? KEYS_UNAVAILABLE : standing
  const { epoch } = issuer.keys
  if (entry.epoch !== epoch) {
    // Looked up again, not verified again: the same key under the same name has signed what it has signed.
    if (!issuer.keys.find(entry.kid, entry.algorithm).some((key) => key.thumbprint === entry.thumbprint)) return 'changed'
    entry.epoch = epoch
  }
  if (issuer.revocation === null) return null
  return askRevocation(issuer.revocation, entry)
}
