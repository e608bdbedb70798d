import type { KeyObject } from 'node:crypto'
import {
  checkInteger,
  checkKeys,
  checkList,
  checkSecret,
  checkText,
  compileNameMatch,
  joinPath,
  kindOf,
  MisuseError,
  type NameMatch,
  readSecretFile,
} from '@countersign/core'
import { checkRevocation } from '../check-revocation.js'
import type { RevocationOptions } from '../options.js'
import type { Revocation } from '../revocation.js'
import { type ApiKeyLockOptions, checkLockOptions, type LockRules } from './lock-options.js'
import type { ApiKeyRecord } from './record.js'

/** Which API keys are accepted, and where a request holds one: in `Authorization: ApiKey …`, or in a field of its own. */
export interface ApiKeyOptions {
  /** The records of the keys: a list, a JSON file `{ "keys": [ … ] }` that is read again when it changes, or somewhere else. */
  readonly keys: readonly ApiKeyRecord[] | { readonly file: string } | ApiKeyDirectory
  /**
   * What keys are hashed under, 32 random bytes or more, kept apart from the records. In a file that nobody else may open, or one of root that
   * its group may read.
   */
  readonly hashKey: Uint8Array | KeyObject | { readonly file: string }
  /**
   * Whose keys count. Where given, every owner must match one. Default: any but a SPIFFE ID, since such an ID is believed only of who is
   * named for it.
   */
  readonly owners?: readonly NameMatch[]
  /** Vouches for owners that are no SPIFFE IDs: rules name them `{ issuer, subject }`. Default `'api-keys'`. */
  readonly issuer?: string
  /** A field that may hold the key, besides `Authorization`. `null`: none. Default `'x-api-key'`. */
  readonly header?: string | null
  /** Asked on every request, by the id of the key and by its owner. Default `null`: what the records say is all. */
  readonly revocation?: RevocationOptions | null
  /** What happens to whoever fails again and again. `null`: nothing. Default: 5 failures in 300 seconds lock for 30 minutes. */
  readonly lock?: ApiKeyLockOptions | null
  /** How long before its end a key that is used is written down as `credential.expiring`, once, 0 (never) to 90 days. Default 14 days. */
  readonly noticeSeconds?: number
}

/** Records that somebody else keeps, such as a database. */
export interface ApiKeyDirectory {
  /** The record of a key; `null`: there is none. A promise that rejects, or takes more than 5 seconds: that cannot be told. */
  find(keyId: string): ApiKeyRecord | null | Promise<ApiKeyRecord | null>
  /** Grows whenever a record has changed: what was found in an older epoch is looked up again. */
  readonly epoch: number
  /** How long what was found is believed in one epoch. Default 30,000. */
  readonly maxAgeMs?: number
  /** Records can be found. Rejects if that can never be. */
  ready?(): Promise<void>
}

/** {@link ApiKeyOptions}, checked and with every default filled in; without the keys. Frozen. */
export interface ApiKeyRules {
  readonly hashKey: Uint8Array
  /** `null`: any that is no SPIFFE ID. */
  readonly mayOwn: ((owner: string) => boolean) | null
  readonly issuer: string
  readonly header: string | null
  readonly revocation: Revocation | null
  readonly lock: LockRules | null
  readonly noticeMs: number
}

const KEYS = ['keys', 'hashKey', 'owners', 'issuer', 'header', 'revocation', 'lock', 'noticeSeconds']
const DAY_SECONDS = 86_400
const DEFAULT_HEADER = 'x-api-key'
/** RFC 9110 §5.6.2. */
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,100}$/
/** Fields that say something else, or that parsers on the way join, split or write. */
const TAKEN: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'dpop',
  'forwarded',
  'host',
  'set-cookie',
  'te',
  'transfer-encoding',
  'upgrade',
])

/**
 * Checks the options.
 * @param option path of the options, such as `apiKeys`.
 * @throws {MisuseError}
 */
export function checkApiKeyOptions(option: string, options: unknown): ApiKeyRules {
  checkKeys(option, options, KEYS)
  const at = (key: string): string => joinPath(option, key)
  if (options['keys'] === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', at('keys'), "says where the records are: keys: { file: '/etc/billing/api-keys.json' }")
  const { owners, header = DEFAULT_HEADER, lock } = options
  return Object.freeze({
    hashKey: checkHashKey(at('hashKey'), options['hashKey']),
    mayOwn: owners === undefined ? null : compileOwners(at('owners'), owners),
    issuer: checkText(at('issuer'), options['issuer'] ?? 'api-keys'),
    header: header === null ? null : checkHeader(at('header'), header),
    // Records are made by a clock of the operator's, which the list goes by too.
    revocation: checkRevocation(at('revocation'), options['revocation'], 0),
    lock: lock === null ? null : checkLockOptions(at('lock'), lock ?? {}),
    noticeMs: 1000 * checkInteger(at('noticeSeconds'), options['noticeSeconds'] ?? 14 * DAY_SECONDS, 0, 90 * DAY_SECONDS),
  })
}

function checkHashKey(option: string, hashKey: unknown): Uint8Array {
  const isFile = typeof hashKey === 'object' && hashKey !== null && 'file' in hashKey
  if (!isFile) return checkSecret(option, hashKey)
  checkKeys(option, hashKey, ['file'])
  return readSecretFile(joinPath(option, 'file'), checkText(joinPath(option, 'file'), hashKey['file']))
}

function compileOwners(option: string, owners: unknown): (owner: string) => boolean {
  const matches = checkList(option, owners).map((match, index) => compileNameMatch(`${option}[${index}]`, match))
  return (owner) => matches.some((match) => match(owner))
}

function checkHeader(option: string, header: unknown): string {
  const name = checkText(option, header).toLowerCase()
  if (name === 'authorization')
    throw new MisuseError('ERR_OPTION_INVALID', option, 'is looked at anyway: name another field, or write null for Authorization alone')
  if (!FIELD_NAME.test(name) || TAKEN.has(name))
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes the name of a field of its own such as x-api-key, not ${kindOf(header)}`)
  return name
}
