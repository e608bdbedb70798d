import { createHash } from 'node:crypto'
import type { RevocationEntry, RevocationKind } from '@countersign/core'
import { SEAL_LENGTH, type Sealer } from './seal.js'

type Written = [kind: RevocationKind, id: string, issuedBeforeMs: number | null, untilMs: number, revokedAtMs: number, reason: string]

/** Latest moment of a date. A store wants a whole number where an entry says `Infinity`. */
export const LATEST_MS = 8_640_000_000_000_000

/** What an entry is kept as: its seal, and its parts as JSON, where `null` stands for what is issued at any time. */
export function writeRevocation(sealer: Sealer, entry: RevocationEntry): string {
  const written: Written = [
    entry.kind,
    entry.id,
    Number.isFinite(entry.issuedBeforeMs) ? entry.issuedBeforeMs : null,
    endOf(entry.untilMs),
    entry.revokedAtMs,
    entry.reason,
  ]
  const json = JSON.stringify(written)
  return `${sealer.seal('revocation', json)}${json}`
}

/** @throws {StateError} `tampered`. */
export function readRevocation(sealer: Sealer, text: string): RevocationEntry {
  const json = text.slice(SEAL_LENGTH)
  sealer.check(text.slice(0, SEAL_LENGTH), 'revocation', json)
  const [kind, id, issuedBeforeMs, untilMs, revokedAtMs, reason] = JSON.parse(json) as Written
  return { kind, id, issuedBeforeMs: issuedBeforeMs ?? Number.POSITIVE_INFINITY, untilMs, revokedAtMs, reason }
}

/** What an entry is kept under: 132 bits. */
export function digestOf({ kind, id }: RevocationEntry): string {
  return createHash('sha256').update(`${kind} ${id}`).digest('base64url').slice(0, DIGEST_LENGTH)
}

const DIGEST_LENGTH = 22

/** When it ends, as a store keeps it. */
export function endOf(untilMs: number): number {
  return Math.max(1, Math.min(LATEST_MS, Math.ceil(untilMs)))
}
