export { addressKeyOf, partitionKeyOfAddress } from './address-key.js'
export { type AddressMatch, compileAddressRanges } from './address-ranges.js'
export type { ApiKey } from './api-key.js'
export type { Authorizer } from './authorizer.js'
export {
  type CatalogueEntry,
  CODES,
  type Code,
  catalogueEntry,
  type GrpcStatus,
  problemType,
  type Stage,
  type Status,
} from './catalogue.js'
export { BEARER_CHALLENGE, type Challenge } from './challenge.js'
export { checkEntries } from './check-entries.js'
export { checkSecret, flawOfSecret, MIN_SECRET_BYTES } from './check-secret.js'
export { checkRevocationEntries, checkStateChange, checkStateKeys, checkStateText } from './check-state-change.js'
export { clientAddressFromForwarded, clientAddressFromXForwardedFor, flawOfAddressField } from './client-address.js'
export type { Decision, Denial, Grant, Headers, Problem } from './decision.js'
export { type DerivedKeyUse, deriveKey, hkdfSha256 } from './derive-key.js'
export { DER_TAG, encodeDer } from './encode-der.js'
export { encodePem } from './encode-pem.js'
export {
  DOCS_BASE,
  MISUSE_CODES,
  type MisuseCode,
  MisuseError,
  OPERATION_CODES,
  type OperationCode,
  RefusedError,
} from './errors.js'
export { type BytesRequest, type FetchedBytes, fetchBytes, type Validators } from './fetch-bytes.js'
export { FetchError } from './fetch-error.js'
export { createSpellingFilter, fieldSpelling } from './field-spelling.js'
export type { Identity } from './identity.js'
export { compileIdentityMatch } from './identity-match.js'
export { inTime } from './in-time.js'
export { type Connection, type Inbound, type Presented, REPEATED } from './inbound.js'
export { type IpAddress, ipTextOf, parseIpAddress } from './ip-address.js'
export { joinKey } from './join-key.js'
export { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json-value.js'
export { jwkThumbprint } from './jwk-thumbprint.js'
export type { Admission, Limiter, QuotaRequest, QuotaState, QuotaStore, Quotas } from './limiter.js'
export { createLivingIds, type LivingIds } from './living-ids.js'
export { compileNameMatch, isUnder, type Match, type NameMatch } from './match.js'
export { createMemoryReplayStore, type MemoryReplayStore, type MemoryReplayStoreOptions } from './memory-replay-store.js'
export { mergeRevocations } from './merge-revocations.js'
export type { Counter, Gauge, Histogram, InstrumentOptions, Labels, Meter } from './meter.js'
export { checkBoolean, checkChoice, checkInteger, checkKeys, checkList, checkText, joinPath, kindOf } from './option-checks.js'
export { parseExactJsonObject, parseJson, parseJsonObject } from './parse-json.js'
export {
  type CertificateKey,
  type CertificateMetadata,
  type CertifiedPeer,
  KEY_USAGES,
  type KeyUsage,
  type Peer,
  type Provenance,
  type SubjectAlternativeNames,
} from './peer.js'
export { parseIssuerUrl, parsePlainUrl } from './plain-url.js'
export type { Assurance, EvidenceKind, Principal } from './principal.js'
export { type PropagatedSession, SESSION_FIELD } from './propagated-session.js'
export { NO_METER, quietMeter, quietRecorder } from './quiet-sinks.js'
export { quietly } from './quietly.js'
export { readBounded } from './read-bounded.js'
export type { EventKind, Recorder, SecurityEvent } from './recorder.js'
export { type Facts, isRefusal, type Refusal, refuse } from './refusal.js'
export type { Claim, ReplayStore } from './replay-store.js'
export { checkMethod, checkPath, foldPath } from './request-match.js'
export { askRevocationList, isCurrentList, isRevocationList, type RevocationKind, type RevocationList } from './revocation-list.js'
export { joinRevokedWith, REVOKED_WITH_CLAIM, type RevocableId, readRevokedWith, revokedWithClaim } from './revoked-with.js'
export { createRounds, VISITS_AN_ADDITION, VISITS_WHEN_FULL } from './rounds.js'
export type { Clock, Runtime, Surroundings } from './runtime.js'
export { readGuardedFile, readSecretFile, unreadableFile } from './secret-file.js'
export type { Source, TrustBundle } from './source.js'
export { parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain } from './spiffe-id.js'
export { stateReasonOf, storeIsLate } from './state-fault.js'
export {
  type EventOutbox,
  type RevocationEntry,
  type RevocationLog,
  type RevocationPage,
  type RevocationPosition,
  type StateChange,
  StateError,
  type StateEvent,
  type StateRecord,
  type StateStore,
  type StateWrite,
} from './state-store.js'
export { isSha256Thumbprint } from './thumbprint-form.js'
export type { Token } from './token.js'
export { tokenFacts } from './token-facts.js'
export { unreachable } from './unreachable.js'
export { textFromUtf8 } from './utf8-text.js'
export type { ApiKeyVerifier, Finding, PeerVerifier, SessionVerifier, TokenVerifier, Verifier } from './verifier.js'
export { type Deadline, withDeadline } from './with-deadline.js'
