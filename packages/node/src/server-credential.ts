import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { MisuseError } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import { createFileSource, type FileSource, type LoadedFile } from '@countersign/x509'

/** A server's own certificate and key. */
export interface ServerCredential {
  readonly certificatePem: string
  readonly keyPem: string
  readonly serialNumber: string
  readonly fingerprint256: string
  readonly validFromMs: number
  readonly validToMs: number
}

/** How often the files are looked at. */
const LOOK_INTERVAL_MS = 1000
const MAX_BYTES = 1_048_576

export interface CredentialWatch {
  readonly guard: Pick<Guard, 'report'>
  /** Throws if OpenSSL does not take the pair. */
  check(credential: ServerCredential): void
  /** A new pair is in use. */
  onReloaded(credential: ServerCredential): void
}

/**
 * Reads a certificate and its key, and reads them again when they change. A pair of which only one half is there is reported and
 * not used.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE`, naming the file.
 */
export function watchServerCredential(
  cert: string,
  key: string,
  { guard, check, onReloaded }: CredentialWatch,
): FileSource<ServerCredential> {
  checkReadable('key', key)
  return createFileSource<ServerCredential>({
    option: 'cert',
    errorCode: 'ERR_CREDENTIAL_UNREADABLE',
    paths: [cert, key],
    maxBytes: MAX_BYTES,
    intervalMs: LOOK_INTERVAL_MS,
    parse(files) {
      const credential = parseServerCredential(textOf(files, cert), textOf(files, key))
      try {
        check(credential)
      } catch (cause) {
        throw new MisuseError('ERR_CREDENTIAL_UNREADABLE', 'cert', 'OpenSSL does not take this certificate and its key', cause)
      }
      return credential
    },
    onReloaded(credential) {
      onReloaded(credential)
      const { serialNumber, fingerprint256, validToMs } = credential
      guard.report({
        kind: 'credential.reloaded',
        severity: 'info',
        message: 'new connections get the new certificate of the server',
        facts: { cert, serialNumber, fingerprint256, notAfter: new Date(validToMs).toISOString() },
      })
    },
    onFailed(cause) {
      guard.report({
        kind: 'credential.reload-failed',
        severity: 'error',
        code: 'ERR_CREDENTIAL_UNREADABLE',
        message: 'the new certificate and key of the server cannot be used: the old ones stay in use',
        facts: { cert, key, ...failureOf(cause, cert, key) },
        cause,
      })
    },
  })
}

/**
 * Reads a pair in PEM.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` if one of them cannot be read, or they do not belong together.
 */
export function parseServerCredential(certificatePem: string, keyPem: string): ServerCredential {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(certificatePem)
  } catch (cause) {
    throw new MisuseError('ERR_CREDENTIAL_UNREADABLE', 'cert', 'the file does not begin with a certificate in PEM', cause)
  }
  if (!certificate.checkPrivateKey(privateKeyOf(keyPem)))
    throw new MisuseError(
      'ERR_CREDENTIAL_UNREADABLE',
      'key',
      "is not the key of the first certificate in cert: put the server's own certificate first, and give the key it was made for",
    )
  return Object.freeze({
    certificatePem,
    keyPem,
    serialNumber: certificate.serialNumber.toLowerCase(),
    fingerprint256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
  })
}

/** What failed, and of which file. The message is ours: it quotes the paths of the options, never what is in the files. */
function failureOf(cause: unknown, cert: string, key: string): { readonly reason: string; readonly file: string } | undefined {
  if (!(cause instanceof MisuseError)) return undefined
  // Both files are read for the option `cert`.
  const isKey = cause.option === 'key' || cause.message.includes(`cannot read ${key}: `)
  return { reason: cause.message, file: isKey ? key : cert }
}

function checkReadable(option: string, path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new MisuseError('ERR_CREDENTIAL_UNREADABLE', option, `the file ${path} cannot be read by this process`, cause)
  }
}

function privateKeyOf(keyPem: string): KeyObject {
  if (keyPem.includes('ENCRYPTED'))
    throw new MisuseError(
      'ERR_CREDENTIAL_UNREADABLE',
      'key',
      'is encrypted: give the path of an unencrypted key that only this service may read',
    )
  try {
    return createPrivateKey(keyPem)
  } catch (cause) {
    throw new MisuseError('ERR_CREDENTIAL_UNREADABLE', 'key', 'the file holds no private key in PEM', cause)
  }
}

function textOf(files: readonly LoadedFile[], path: string): string {
  return Buffer.from(files.find((file) => file.path === path)?.bytes ?? []).toString('utf8')
}
