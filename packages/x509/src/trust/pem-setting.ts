import { MisuseError } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { readAuthority } from '../certificate/read-authority.js'
import type { PemSetting } from '../check-options.js'
import { dersOfEvidence } from '../der/evidence-bytes.js'
import { createFileSource, type FileSource, type LoadedFile } from './file-source.js'
import { MAX_BUNDLE_BYTES, readBundle, readDocument } from './read-bundle.js'

export interface ReloadHooks {
  readonly intervalMs: number
  nowMs(): number
  onReloaded(option: string, count: number): void
  onFailed(option: string, error: unknown): void
}

/** CA certificates of a file or folder; of a SPIFFE bundle with its sequence number. */
export interface AuthorityFile {
  readonly authorities: readonly CaCertificate[]
  readonly sequence: bigint | null
}

/** Where CA certificates are, and whose they are: `null` and `undefined` are no trust domain, and take no SPIFFE bundle. */
export type AuthoritySetting = PemSetting & { readonly trustDomain?: string | null | undefined }

/** Hundreds of public roots take 0.3 MB. */
const MAX_BYTES = 4 * 1024 * 1024
const EXTENSIONS = ['.pem', '.crt', '.cer', '.der']
const BLANK: ReadonlySet<number | undefined> = new Set([0x09, 0x0a, 0x0d, 0x20])
const OPENING_BRACE = 0x7b

/** CA certificates of a PEM text, or of a file or folder that is watched. */
export function readPemSetting(
  setting: AuthoritySetting,
  use: 'anchors' | 'intermediates',
  hooks: ReloadHooks,
): FileSource<readonly CaCertificate[]> {
  const { option } = setting
  if ('pem' in setting) {
    const value = readAll(option, 'the PEM', Buffer.from(setting.pem), use)
    if (use === 'anchors') checkCurrent(option, value, hooks.nowMs())
    return { value, epoch: 0, reload: () => false, close() {} }
  }
  const source = watchAuthorities(setting, use, hooks, ({ authorities }) => hooks.onReloaded(option, authorities.length))
  return {
    get value() {
      return source.value.authorities
    },
    get epoch() {
      return source.epoch
    },
    reload: source.reload,
    close: source.close,
  }
}

/** CA certificates of a file or folder that is watched: PEM, DER, or a SPIFFE bundle. */
export function watchAuthorities(
  setting: Extract<AuthoritySetting, { readonly file: string }>,
  use: 'anchors' | 'intermediates',
  hooks: ReloadHooks,
  onReloaded: (value: AuthorityFile) => void,
): FileSource<AuthorityFile> {
  const { option } = setting
  return createFileSource({
    option,
    errorCode: 'ERR_TRUST_UNREADABLE',
    paths: [setting.file],
    extensions: EXTENSIONS,
    maxBytes: MAX_BYTES,
    intervalMs: hooks.intervalMs,
    parse(files) {
      const [file] = files
      if (use === 'anchors' && file !== undefined && isJson(file.bytes)) return readBundleFile(setting, file)
      const authorities = files.flatMap(({ path, bytes }) => readAll(option, path, bytes, use))
      if (use === 'anchors') checkCurrent(option, authorities, hooks.nowMs())
      return { authorities, sequence: null }
    },
    onReloaded,
    onFailed: (error) => hooks.onFailed(option, error),
  })
}

// A bundle is the whole truth of its trust domain: without keys, or with none that is valid now, it vouches for nobody.
function readBundleFile({ option, trustDomain }: AuthoritySetting, { path, bytes }: LoadedFile): AuthorityFile {
  if (typeof trustDomain !== 'string') {
    const fix = "is a SPIFFE bundle, which vouches for one trust domain: write { trustDomain: 'prod.example', file }"
    throw new MisuseError('ERR_TRUST_UNREADABLE', option, `${path} ${fix}`)
  }
  const document = readDocument(bytes, MAX_BUNDLE_BYTES)
  const bundle = typeof document === 'string' ? document : readBundle(document)
  if (typeof bundle === 'string') throw new MisuseError('ERR_TRUST_UNREADABLE', option, `${path} holds ${bundle}`)
  return bundle
}

function isJson(bytes: Uint8Array): boolean {
  let at = 0
  while (BLANK.has(bytes[at])) at++
  return bytes[at] === OPENING_BRACE
}

function readAll(option: string, where: string, bytes: Uint8Array, use: 'anchors' | 'intermediates'): readonly CaCertificate[] {
  const unreadable = (reason: string): MisuseError => new MisuseError('ERR_TRUST_UNREADABLE', option, `${where} ${reason}`)
  const ders = dersOfEvidence(bytes, 'CERTIFICATE')
  if (ders === null) throw unreadable('holds a damaged PEM block')
  if (ders.length === 0) throw unreadable('holds no certificate')
  return ders.map((der, i) => {
    const authority = readAuthority(der, use)
    if (typeof authority === 'string') throw unreadable(`holds as certificate ${i + 1} ${authority}`)
    return authority
  })
}

function checkCurrent(option: string, authorities: readonly CaCertificate[], nowMs: number): void {
  const last = authorities.reduce((latest, { certificate }) => Math.max(latest, certificate.notAfterMs), 0)
  if (last >= nowMs) return
  throw new MisuseError(
    'ERR_TRUST_UNREADABLE',
    option,
    `every CA certificate in it has expired, the last at ${new Date(last).toISOString()}`,
  )
}
