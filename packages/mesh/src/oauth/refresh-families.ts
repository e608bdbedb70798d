import { parseJsonObject, type RevocationEntry, type StateEvent, type StateWrite } from '@countersign/core'
import { stateEventFrom } from '../events/mesh-event.js'
import type { MeshCore } from '../mesh-core.js'
import { hashSecret, newHandle, readHandle, writeHandle } from '../opaque-handle.js'
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

/** A refresh token is the name of its family and a secret: one record, so that one step spends it and makes the next. */
export function createRefreshFamilies(core: MeshCore): RefreshFamilies {
  const { store, skewMs, marginMs, surroundings } = core

  function write(key: string, family: RefreshFamily): StateWrite {
    const untilMs = Math.max(family.expiresAtMs + skewMs + marginMs, ...family.tokens.map((token) => token.untilMs))
    return { key, value: JSON.stringify(family), untilMs }
  }

  return {
    begin({ clientId, subject }, { audience, scopes, boundTo }, token) {
      const handle = newHandle(core)
      const { id } = handle
      const refreshToken = writeHandle(handle)
      const family: RefreshFamily = {
        id,
        clientId,
        subject,
        audience,
        scopes,
        boundTo,
        revoked: false,
        count: 0,
        current: hashSecret(refreshToken),
        spent: [],
        tokens: [{ id: token.tokenId, untilMs: token.write.untilMs }],
        expiresAtMs: token.expiresAtMs,
      }
      return { refreshToken, write: write(stateKey('refresh', id), family) }
    },
    async find(refreshToken) {
      const handle = readHandle(refreshToken)
      if (handle === null) return null
      const key = stateKey('refresh', handle.id)
      const [record] = await store.read([key])
      const family = record === null || record === undefined ? null : readFamily(record.value)
      if (record == null || family === null) return null
      const digest = hashSecret(refreshToken)
      // Whoever knows the family's name alone has no token of it.
      return digest === family.current || family.spent.includes(digest) ? { key, version: record.version, family, digest } : null
    },
    next({ key, family }, token) {
      const refreshToken = writeHandle(newHandle(core, family.id))
      const nowMs = surroundings.clock.nowMs()
      return {
        refreshToken,
        write: write(key, {
          ...family,
          count: family.count + 1,
          current: hashSecret(refreshToken),
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
