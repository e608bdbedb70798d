import { createHash } from 'node:crypto'
import { type Inbound, isJsonArray, isJsonObject, type JsonValue, REPEATED, type Refusal, refuse } from '@countersign/core'
import { isSame } from '../binding.js'
import { type DecodedProof, decodeProof, isTime, readId, wrongClaim } from '../proof/decode-proof.js'
import { isTargetOf, normalizeUri } from '../proof/target-uri.js'
import { WIT_FIELD, witOf } from './credentials.js'
import type { WptRules } from './options.js'

/** A Workload Proof Token made for this request and this token, now, as far as its text says. Its signature is not looked at. */
export interface WptProof extends DecodedProof {
  readonly jti: string
  readonly expMs: number
}

const SCHEME = /^wpt(?: +|$)/i
// Tokens of one request beside its own: a handful. Each costs a hash.
const MAX_OTHERS = 16

const MISSING = Object.freeze(refuse('ERR_PROOF_MISSING'))
const TOO_MANY = Object.freeze(refuse('ERR_PROOF_REPEATED'))
const WRONG_TARGET = Object.freeze(refuse('ERR_PROOF_TARGET'))
const TOO_LONG = Object.freeze(refuse('ERR_PROOF_CLAIM', Object.freeze({ claim: 'exp', reason: 'it lies too far ahead' })))

/** The checks of draft-ietf-wimse-wpt-02 §3.1 that take no cryptography, cheapest first. */
export function readWpt(inbound: Inbound, rules: WptRules, skewMs: number, nowMs: number): WptProof | Refusal {
  const field = inbound.header('authorization')
  if (field === REPEATED) return TOO_MANY
  const scheme = field === null ? undefined : SCHEME.exec(field)?.[0]
  if (field === null || scheme === undefined) return MISSING
  const decoded = decodeProof(field.slice(scheme.length), 'wpt+jwt', rules.algorithms)
  if ('refused' in decoded) return decoded

  const { aud, exp, wth, tth, oth } = decoded.claims
  const jti = readId(decoded.claims['jti'])
  if (jti === null) return wrongClaim('jti')
  const audience = audienceOf(aud)
  if (audience === null) return wrongClaim('aud')
  if (!isTime(exp)) return wrongClaim('exp')
  if (typeof wth !== 'string') return wrongClaim('wth')
  if (!audience.some((name) => isOurs(name, inbound, rules))) return WRONG_TARGET
  const expMs = exp * 1000
  if (!(nowMs < expMs + skewMs)) return refuse('ERR_PROOF_EXPIRED', { forSeconds: Math.floor((nowMs - expMs) / 1000) })
  if (!(expMs <= nowMs + rules.maxLifetimeMs + skewMs)) return TOO_LONG

  const wit = witOf(inbound)
  if (wit === null || wit === REPEATED || !isSame(wth, hashOf(wit))) return otherToken(WIT_FIELD)
  return checkTransaction(inbound, tth) ?? checkOthers(inbound, oth, rules.contextFields) ?? { ...decoded, jti, expMs }
}

function audienceOf(aud: JsonValue | undefined): readonly string[] | null {
  if (typeof aud === 'string') return [aud]
  return aud !== undefined && isJsonArray(aud) && aud.length > 0 && aud.every((name) => typeof name === 'string') ? aud : null
}

function isOurs(name: string, inbound: Inbound, { origins, audiences }: WptRules): boolean {
  if (audiences.includes(name)) return true
  const uri = normalizeUri(name)
  return uri !== null && isTargetOf(uri, inbound, origins)
}

/** `tth`: as a Txn-Token is there or not. A proof that was made beside another one, or beside one that is gone, is not of this request. */
function checkTransaction(inbound: Inbound, tth: JsonValue | undefined): Refusal | null {
  const token = inbound.header('txn-token')
  if (token === null && tth === undefined) return null
  if (tth !== undefined && typeof tth !== 'string') return wrongClaim('tth')
  return typeof token === 'string' && tth !== undefined && isSame(tth, hashOf(token)) ? null : otherToken('txn-token')
}

/** `oth`: every entry must be that of a field of this request, and every field that decides anything must have one. */
function checkOthers(inbound: Inbound, oth: JsonValue | undefined, contextFields: readonly string[]): Refusal | null {
  if (oth !== undefined && !isJsonObject(oth)) return wrongClaim('oth')
  const entries = Object.entries(oth ?? {})
  if (entries.length > MAX_OTHERS) return wrongClaim('oth')
  for (const [name, hash] of entries) {
    // What is not understood makes the proof invalid.
    if (name !== name.toLowerCase() || typeof hash !== 'string') return wrongClaim('oth')
    const value = inbound.header(name)
    if (typeof value !== 'string' || !isSame(hash, hashOf(value.trim()))) return otherToken('oth')
  }
  const uncovered = contextFields.find((name) => inbound.header(name) !== null && !entries.some(([covered]) => covered === name))
  return uncovered === undefined ? null : otherToken(uncovered)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** `what` is a word of ours or of the options. */
function otherToken(what: string): Refusal {
  return refuse('ERR_PROOF_TOKEN', { what })
}
