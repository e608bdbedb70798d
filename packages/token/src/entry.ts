import { type JsonObject, type Refusal, refuse, type Token } from '@countersign/core'
import type { Appraisal } from './appraisal.js'
import { judgeTime, refuseSubject } from './claims.js'
import type { Issuer } from './issuer.js'
import { askRevocation, type Revocable } from './revocation.js'
import { keyFromJwk, SIGNING_USES, type VerificationKey } from './verification-key.js'
import { createToken } from './verified-token.js'

/** A token whose signature was verified, and what must still be true of it on every request. */
export interface Entry extends Revocable {
  /** Scheme and token in their one spelling: what `readCredentials` returned. */
  readonly field: string
  readonly token: Token
  /** Of a Workload Identity Token: the key that its proofs are signed with. */
  readonly proofKey: ProofKey | null
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

/** The key in a token, and the algorithm that the token says it is used with. */
export interface ProofKey {
  readonly key: VerificationKey
  readonly algorithm: string
}

/**
 * What is to be said of an entry now. `null`: it is true. `aged`, `absent`: only once the issuer's keys were asked for, see `Standing`.
 * `changed`: its key is no longer among them.
 */
export type Judgement = Refusal | null | 'aged' | 'absent' | 'changed'

const BAD_CONFIRMATION = Object.freeze(refuse('ERR_TOKEN_CLAIM_INVALID', Object.freeze({ claim: 'cnf' })))
const KEYS_UNAVAILABLE = Object.freeze(refuse('ERR_KEYS_UNAVAILABLE'))

/**
 * Makes the entry of a token that `key` has signed.
 * @returns a refusal where the issuer may not speak for its subject, or the key that the token itself is bound to cannot be used.
 */
export function createEntry(field: string, appraisal: Appraisal, key: VerificationKey, epoch: number): Entry | Refusal {
  const { issuer, kid, algorithm, assertions } = appraisal
  const { claims, identity, confirmation, tokenId, expiresAtMs, notBeforeMs, issuedAtMs } = assertions
  if (identity === null) return refuseSubject(issuer.issuer, assertions)
  const proofKey = confirmation.jwk === null ? null : readProofKey(confirmation.jwk)
  if (proofKey !== null && 'refused' in proofKey) return proofKey
  const { thumbprint } = key
  return {
    field,
    token: createToken(issuer.issuer, assertions, identity, proofKey?.key.thumbprint ?? null),
    proofKey,
    claims,
    issuer,
    kid,
    // Not by the token's own word: whoever has stolen a key leaves its name out.
    keyIds: [...new Set([key.kid, thumbprint, kid])].filter((id) => id !== null),
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

function readProofKey(jwk: JsonObject): ProofKey | Refusal {
  const { alg } = jwk
  const key = keyFromJwk(jwk, SIGNING_USES)
  return typeof key === 'string' || typeof alg !== 'string' ? BAD_CONFIRMATION : Object.freeze({ key, algorithm: alg })
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
