import { parseJsonObject, type RevocableId, type RevocationEntry, type StateEvent, type StateWrite } from '@countersign/core'
import { stateEventFrom } from '../events/mesh-event.js'
import { isAnyRevoked, ofCertificate } from '../handed-down.js'
import type { MintedToken, SenderBinding } from '../issue/token-mint.js'
import { type MeshCore, rememberedUntil } from '../mesh-core.js'
import { hashSecret, newHandle, readHandle, writeHandle } from '../opaque-handle.js'
import { familyId, revocationEntry } from '../revocation-entry.js'
import type { RevocationReason } from '../revocation-reason.js'
import { stateKey } from '../state-keys.js'
import type { RegisteredClient } from './registered-client.js'

/** What a client was granted, and may have again. */
export interface GrantedAccess {
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly boundTo: SenderBinding
  /** What it is revoked with: the certificates that it was got with, where it is not bound to them. */
  readonly revokedWith: readonly RevocableId[]
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
  /** `iat` of the access token that belongs to the refresh token that is alive. Epoch milliseconds. */
  readonly issuedAtMs: number
  /** When the access token of the current refresh token ends. Epoch milliseconds. */
  readonly expiresAtMs: number
}

export interface FamilyToken {
  readonly id: string
  /** `exp`. Epoch milliseconds. */
  readonly endMs: number
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

/** What is committed at the end of a family. */
export interface FamilyEnd {
  readonly write: StateWrite
  readonly revoke: readonly RevocationEntry[]
  /** Its access tokens that may have been alive. */
  readonly tokenIds: readonly string[]
}

/** Keeps the families of refresh tokens. */
export interface RefreshFamilies {
  /** For a family that is about to begin. */
  newId(): string
  begin(id: string, client: RegisteredClient, access: GrantedAccess, token: MintedToken): FamilyStep
  /** The family that a refresh token is of. `null`: there is none, or it is over. Rejects with a {@link StateError}. */
  find(refreshToken: string): Promise<StoredFamily | null>
  /** The family of this id, whatever of it was presented. Rejects with a {@link StateError}. */
  named(id: string): Promise<StoredFamily | null>
  /** Has it ended, or what it stands on? */
  isOver(family: RefreshFamily): boolean
  next(stored: StoredFamily, token: MintedToken, revokedWith: readonly RevocableId[]): FamilyStep
  /** The end of a family, and of its access tokens. */
  end(stored: StoredFamily, reason: RevocationReason): FamilyEnd
}

/** A refresh token is the name of its family and a secret: one record, so that one step spends it and makes the next. */
export function createRefreshFamilies(core: MeshCore): RefreshFamilies {
  const { store, revocations, skewMs, surroundings } = core

  function write(key: string, family: RefreshFamily): StateWrite {
    const untilMs = rememberedUntil(core, Math.max(family.expiresAtMs, ...family.tokens.map(({ endMs }) => endMs)))
    return { key, value: JSON.stringify(family), untilMs }
  }

  function alive(tokens: readonly FamilyToken[], nowMs: number): readonly FamilyToken[] {
    return tokens.filter(({ endMs }) => rememberedUntil(core, endMs) > nowMs)
  }

  async function named(id: string): Promise<StoredFamily | null> {
    const key = stateKey('refresh', id)
    const [record] = await store.read([key])
    const family = record === null || record === undefined ? null : readFamily(record.value)
    return record == null || family === null ? null : { key, version: record.version, family, digest: family.current }
  }

  return {
    newId: () => newHandle(core).id,
    begin(id, { clientId, subject }, { audience, scopes, boundTo, revokedWith }, token) {
      const refreshToken = writeHandle(newHandle(core, id))
      const family: RefreshFamily = {
        id,
        clientId,
        subject,
        audience,
        scopes,
        boundTo,
        revokedWith,
        revoked: false,
        count: 0,
        current: hashSecret(refreshToken),
        spent: [],
        tokens: [{ id: token.tokenId, endMs: token.expiresAtMs }],
        issuedAtMs: token.issuedAtMs,
        expiresAtMs: token.expiresAtMs,
      }
      return { refreshToken, write: write(stateKey('refresh', id), family) }
    },
    named,
    async find(refreshToken) {
      const handle = readHandle(refreshToken)
      const stored = handle === null ? null : await named(handle.id)
      if (stored === null) return null
      const digest = hashSecret(refreshToken)
      const { current, spent } = stored.family
      // Whoever knows the family's name alone has no token of it.
      return digest === current || spent.includes(digest) ? { ...stored, digest } : null
    },
    isOver({ id, subject, boundTo, revoked, revokedWith, issuedAtMs }) {
      // What a store that came back with an old copy of itself says of it, nobody can tell.
      if (revoked || !(issuedAtMs - skewMs >= revocations.completeSinceMs)) return true
      if (revocations.has('service', subject, issuedAtMs)) return true
      const bound: readonly RevocableId[] = boundTo.jkt === null ? [] : [['key', boundTo.jkt]]
      const ids = [familyId(id), ...revokedWith, ...ofCertificate(boundTo.thumbprint), ...bound]
      return isAnyRevoked(revocations, ids, issuedAtMs)
    },
    next({ key, family }, token, revokedWith) {
      const refreshToken = writeHandle(newHandle(core, family.id))
      const nowMs = surroundings.clock.nowMs()
      return {
        refreshToken,
        write: write(key, {
          ...family,
          revokedWith,
          count: family.count + 1,
          current: hashSecret(refreshToken),
          spent: [...family.spent, family.current],
          tokens: [...alive(family.tokens, nowMs), { id: token.tokenId, endMs: token.expiresAtMs }],
          issuedAtMs: token.issuedAtMs,
          expiresAtMs: token.expiresAtMs,
        }),
      }
    },
    end({ key, family }, reason) {
      const nowMs = surroundings.clock.nowMs()
      const facts = { nowMs, reason }
      const tokens = alive(family.tokens, nowMs)
      return {
        write: write(key, { ...family, revoked: true }),
        revoke: [
          revocationEntry(core, familyId(family.id), facts),
          ...tokens.map(({ id, endMs }) => revocationEntry(core, ['token', id], { ...facts, endMs })),
        ],
        tokenIds: tokens.map(({ id }) => id),
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
  tokenIds: readonly string[],
  reason: RevocationReason,
  atMs: number,
): readonly StateEvent[] {
  const type = 'auth.token.revoked'
  return tokenIds.map((tokenId) =>
    stateEventFrom({ type, id: `${type}.${id}.${tokenId}`, issuer, atMs, service: subject, tokenId, reason }),
  )
}
