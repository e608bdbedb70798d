import { checkKeys, checkText, MisuseError } from '@countersign/core'
import { type ApiKeyRecord, readKeyRecord } from '@countersign/token'
import { type CredentialText, checkCredentialText } from './credential-text.js'

/** The credentials of a service that this process speaks for. */
export interface ServiceRegistration {
  /** Its id: the certificate must hold this very name. */
  readonly id: string
  /** Its own certificate first, then its intermediates. */
  readonly certificate: CredentialText
  /** The private key, not encrypted; a file that its owner alone may open. It goes into the TLS context, and is not kept beside it. */
  readonly key: CredentialText
  /** The CAs that the certificate must come from, and that those of the services it calls must come from. */
  readonly ca: CredentialText
  /** The record of its API key, never the key. Default: none. */
  readonly apiKey?: ApiKeyRecord | null
  /** Where files must lie: paths and links that lead out of it are refused. Default: they may lie anywhere. */
  readonly credentialsDir?: string
}

const KEYS = ['id', 'certificate', 'key', 'ca', 'apiKey', 'credentialsDir']

/** @throws {MisuseError} */
export function checkRegistration(request: ServiceRegistration): void {
  const given: unknown = request
  checkKeys('request', given, KEYS)
  checkText('request.id', request.id)
  for (const part of ['certificate', 'key', 'ca'] as const) {
    if (given[part] === undefined)
      throw new MisuseError('ERR_OPTION_MISSING', `request.${part}`, "takes { file: '….pem' }, { pem } or a function")
    checkCredentialText(`request.${part}`, given[part])
  }
  if (request.credentialsDir !== undefined) checkText('request.credentialsDir', request.credentialsDir)
  if (request.apiKey === undefined || request.apiKey === null) return
  const flaw = readKeyRecord(request.apiKey)
  if (typeof flaw === 'string') throw new MisuseError('ERR_OPTION_INVALID', 'request.apiKey', `takes the record of a key: ${flaw}`)
}
