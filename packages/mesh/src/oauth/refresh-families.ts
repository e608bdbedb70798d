import { createHash } from 'node:crypto'
import { parseJsonObject, type RevocationEntry, type StateEvent, type StateWrite } from '@countersign/core'
import { stateEventFrom } from '../events/mesh-event.js'
import type { MeshCore } from '../mesh-core.js'
import type { RevocationReason } from '../revocation-reason.js'
import { stateKey } from '../state-keys.js'
import type { RegisteredClient } from './registered-client.js'
import type { MintedToken, SenderBinding } from './token-mint.js'

/** What a client was granted, and may have again. */
export interface GrantedAccess {
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly boundTo: SenderBinding
}

/** All refresh tokens of one grant: one is alive, those before it are spent. Holds digests, never a refresh token. */
export interface RefreshFamily extends GrantedAccess {
  readonly id: string
  readonly clientId: string
  readonly subject: string
  /** Somebody used a spent one, or the client revoked it. */
  readonly revoked: boolean
  /** How often it was refreshed. */
  readonly count: number
  /** SHA-256 of the refresh token that is alive. */
  readonly current: string
  readonly spent: readonly string[]
  /** The access tokens of the family that may be alive. */
  readonly tokens: readonly FamilyToken[]
  /** When the access token of the current refresh token ends. Epoch milliseconds. */
  readonly expiresAtMs: number
}

export interface FamilyToken {
  readonly id: string
  readonly untilMs: number
}

/** A family as it was read. */
export interface StoredFamily {
  readonly key: string
  readonly version: number
  readonly family: RefreshFamily
  /** SHA-256 of what was presented. */
  readonly digest: string
}

/** What of a family is committed with the token that it is for. */
export interface FamilyStep {
  readonly refreshToken: string
  readonly write: StateWrite
}

/** Keeps the families of refresh tokens. */
export interface RefreshFamilies {
  begin(client: RegisteredClient, access: GrantedAccess, token: MintedToken): FamilyStep
  /** The family that a refresh token is of. `null`: there is none, or it is over. Rejects with a {@link StateError}. */
  find(refreshToken: string): Promise<StoredFamily | null>
  next(stored: StoredFamily, token: MintedToken): FamilyStep
  /** The end of a family, and of its access tokens. */
  end(stored: StoredFamily, reason: RevocationReason): { readonly write: StateWrite; readonly revoke: readonly RevocationEntry[] }
}

const FAMILY_BYTES = 16
/** 256 bits: nothing is gained by guessing. */
const SECRET_BYTES = 32
/** The name of the family and the secret, each in base64url. */
const REFRESH_TOKEN = /^([\w-]{22})\.[\w-]{43}$/

/** A refresh token is the name of its family and a secret: one record, so that one step spends it and makes the next. */
export function createRefreshFamilies({ store, skewMs, marginMs, randomBytes, surroundings }: MeshCore): RefreshFamilies {
  function write(key: string, family: RefreshFamily): StateWrite {
    const untilMs = Math.max(family.expiresAtMs + skewMs + marginMs, ...family.tokens.map((token) => token.untilMs))
    return { key, value: JSON.stringify(family), untilMs }
  }

  function random(size: number): string {
    return Buffer.from(randomBytes(size)).toString('base64url')
  }

  return {
    begin({ clientId, subject }, { audience, scopes, boundTo }, token) {
      const id = random(FAMILY_BYTES)
      const refreshToken = `${id}.${random(SECRET_BYTES)}`
      const family: RefreshFamily = {
        id,
        clientId,
        subject,
        audience,
        scopes,
        boundTo,
        revoked: false,
        count: 0,
        current: digestOf(refreshToken),
        spent: [],
        tokens: [{ id: token.tokenId, untilMs: token.write.untilMs }],
        expiresAtMs: token.expiresAtMs,
      }
      return { refreshToken, write: write(stateKey('refresh', id), family) }
    },
    async find(refreshToken) {
      const id = REFRESH_TOKEN.exec(refreshToken)?.[1]
      if (id === undefined) return null
      const key = stateKey('refresh', id)
      const [record] = await store.read([key])
      const family = record === null || record === undefined ? null : readFamily(record.value)
      if (record == null || family === null) return null
      const digest = digestOf(refreshToken)
      // Whoever knows the family's name alone has no token of it.
      return digest === family.current || family.spent.includes(digest) ? { key, version: record.version, family, digest } : null
    },
    next({ key, family }, token) {
      const refreshToken = `${family.id}.${random(SECRET_BYTES)}`
      const nowMs = surroundings.clock.nowMs()
      return {
        refreshToken,
        write: write(key, {
          ...family,
          count: family.count + 1,
          current: digestOf(refreshToken),
          spent: [...family.spent, family.current],
          tokens: [...family.tokens.filter(({ untilMs }) => untilMs > nowMs), { id: token.tokenId, untilMs: token.write.untilMs }],
          expiresAtMs: token.expiresAtMs,
        }),
      }
    },
    end({ key, family }, reason) {
      const nowMs = surroundings.clock.nowMs()
      return {
        write: write(key, { ...family, revoked: true }),
        revoke: family.tokens
          .filter(({ untilMs }) => untilMs > nowMs)
          .map(({ id, untilMs }) => ({ kind: 'token', id, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs, revokedAtMs: nowMs, reason })),
      }
    },
  }
}

function digestOf(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('base64url')
}

// Written by us, and authenticated by stores outside this process: read, not checked claim by claim.
function readFamily(value: string): RefreshFamily | null {
  return parseJsonObject(value) as RefreshFamily | null
}

/** What others hear of the end of a family: one event for each of its tokens. */
export function revokedEvents(
  issuer: string,
  { id, subject }: RefreshFamily,
  revoke: readonly RevocationEntry[],
  reason: RevocationReason,
  atMs: number,
): readonly StateEvent[] {
  const type = 'auth.token.revoked'
  return revoke.map((entry) =>
    stateEventFrom({ type, id: `${type}.${id}.${entry.id}`, issuer, atMs, service: subject, tokenId: entry.id, reason }),
  )
}
