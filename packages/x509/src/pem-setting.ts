import { MisuseError } from '@countersign/core'
import { CaCertificate } from './ca-certificate.js'
import type { PemSetting } from './check-options.js'
import { asciiFrom } from './der-values.js'
import { createFileSource, type FileSource } from './file-source.js'
import { pemBlocks } from './pem.js'
import { readCertificate } from './read-certificate.js'

export interface ReloadHooks {
  readonly intervalMs: number
  nowMs(): number
  onReloaded(option: string, count: number): void
  onFailed(option: string, error: unknown): void
}

/** Hundreds of public roots take 0.3 MB. */
const MAX_BYTES = 4 * 1024 * 1024
const EXTENSIONS = ['.pem', '.crt', '.cer', '.der']

/** CA certificates of a PEM text, or of a file or folder that is watched. */
export function readPemSetting(
  setting: PemSetting,
  use: 'anchors' | 'intermediates',
  hooks: ReloadHooks,
): FileSource<readonly CaCertificate[]> {
  const { option } = setting
  const check = (certificates: readonly CaCertificate[]): readonly CaCertificate[] => checkUse(option, certificates, use, hooks.nowMs())
  if ('pem' in setting) {
    const value = check(readAll(option, 'the PEM', Buffer.from(setting.pem)))
    return { value, epoch: 0, reload: () => false, close() {} }
  }
  return createFileSource({
    option,
    errorCode: 'ERR_TRUST_UNREADABLE',
    paths: [setting.file],
    extensions: EXTENSIONS,
    maxBytes: MAX_BYTES,
    intervalMs: hooks.intervalMs,
    parse: (files) => check(files.flatMap(({ path, bytes }) => readAll(option, path, bytes))),
    onReloaded: (value) => hooks.onReloaded(option, value.length),
    onFailed: (error) => hooks.onFailed(option, error),
  })
}

function readAll(option: string, where: string, bytes: Uint8Array): readonly CaCertificate[] {
  const unreadable = (reason: string): MisuseError => new MisuseError('ERR_TRUST_UNREADABLE', option, `${where} ${reason}`)
  const ders = bytes[0] === 0x30 ? [bytes] : pemBlocks(asciiFrom(bytes), 'CERTIFICATE')
  if (ders === null) throw unreadable('holds a damaged PEM block')
  if (ders.length === 0) throw unreadable('holds no certificate')
  return ders.map((der, i) => {
    const certificate = readCertificate(der)
    if (typeof certificate === 'string') throw unreadable(`holds as certificate ${i + 1} what cannot be read: ${certificate}`)
    const { version, extensions } = certificate
    const signs = extensions.keyUsage?.includes('keyCertSign') ?? true
    if (version === 3 && extensions.isCa && signs) return new CaCertificate(certificate)
    throw unreadable(`holds as certificate ${i + 1} one that is not a CA certificate (cA, keyCertSign) and can vouch for nobody`)
  })
}

function checkUse(option: string, certificates: readonly CaCertificate[], use: string, nowMs: number): readonly CaCertificate[] {
  const last = certificates.reduce((latest, { certificate }) => Math.max(latest, certificate.notAfterMs), 0)
  if (use === 'anchors' && last < nowMs) {
    throw new MisuseError(
      'ERR_TRUST_UNREADABLE',
      option,
      `every CA certificate in it has expired, the last at ${new Date(last).toISOString()}`,
    )
  }
  return certificates
}
