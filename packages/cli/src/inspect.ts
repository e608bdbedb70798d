import { closeSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CertificateMetadata, MisuseError, RefusedError } from '@countersign/core'
import { decodeToken } from '@countersign/token'
import { parseCertificate, parseRevocationList, pemBlocks, type RevocationListMetadata } from '@countersign/x509'
import { certificatesAsJson, describeCertificates } from './inspect-certificate.js'
import { describeRevocationLists, revocationListsAsJson } from './inspect-crl.js'
import { describeKeys, readKeySummaries } from './inspect-jwks.js'
import { describeToken, tokenAsJson } from './inspect-token.js'
import { createPaint, type Paint } from './paint.js'
import { readArguments } from './read-arguments.js'
import { CommandError, printable, printableJson, type Terminal, UsageError } from './terminal.js'

/** Shown by `countersign inspect --help`. */
export const INSPECT_HELP = `countersign inspect FILE [--json]
countersign inspect - < FILE

Shows what a certificate, a chain or a CRL (PEM, DER), a JWT or a JWKS says. Nothing is verified. Private keys and the signatures of
tokens are not shown.

  --json    for programs
`

const MAX_BYTES = 1_048_576 // chains, tokens and key sets are far smaller, and so are most CRLs
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/

interface Findings {
  readonly text: string
  readonly json: object
}

/** `countersign inspect`. */
export async function runInspect(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean', default: false } })
  const [file, second] = positionals
  if (file === undefined) throw new UsageError('the file is missing: countersign inspect orders.pem')
  if (second !== undefined) throw new UsageError('takes one file')
  // A token that was meant is no file name, and no text for a terminal that others read or record.
  if (file.startsWith('eyJ') && COMPACT.test(file))
    throw new UsageError('takes a token from a file or its input: countersign inspect - < FILE')
  const bytes = file === '-' ? await terminal.readInput() : readFile(resolve(terminal.folder, file), file)
  if (bytes.length > MAX_BYTES) throw new CommandError(`${printable(file)} is larger than ${MAX_BYTES} bytes`)
  const { text, json } = readFindings(bytes, terminal.nowMs(), createPaint(terminal.colour))
  terminal.write(values.json ? printableJson(json) : text)
}

function readFindings(bytes: Uint8Array, nowMs: number, paint: Paint): Findings {
  if (bytes[0] === 0x30) return derFindings(bytes, nowMs, paint)
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim()
  if (text.includes('-----BEGIN')) return pemFindings(text, nowMs, paint)
  const compact = text.replace(/^Bearer +/i, '')
  if (COMPACT.test(compact)) return tokenFindings(compact, nowMs, paint)
  const keys = readKeySummaries(parseJson(text))
  if (keys !== null) return { text: describeKeys(keys, paint), json: { kind: 'keys', keys } }
  throw new CommandError('this is no certificate, CRL, token or key set')
}

function derFindings(der: Uint8Array, nowMs: number, paint: Paint): Findings {
  try {
    return listFindings([parseRevocationList(der)], nowMs, paint)
  } catch (error) {
    if (!(error instanceof MisuseError)) throw error
    // Not a CRL: what is wrong with it is told of the certificate that it is more likely meant to be.
    return certificateFindings([readCertificate(der)], nowMs, paint)
  }
}

function pemFindings(text: string, nowMs: number, paint: Paint): Findings {
  const certificates = pemBlocks(text, 'CERTIFICATE')
  if (certificates === null) throw new CommandError('the PEM is damaged: a block has no end, or is not base64')
  if (certificates.length > 0) return certificateFindings(certificates.map(readCertificate), nowMs, paint)
  const lists = pemBlocks(text, 'X509 CRL') ?? []
  if (lists.length > 0)
    return listFindings(
      lists.map((der) => orCommandError(() => parseRevocationList(der))),
      nowMs,
      paint,
    )
  if (PRIVATE_KEY.test(text)) throw new CommandError('this is a private key: it is not shown')
  throw new CommandError('the PEM holds no certificate and no CRL')
}

function certificateFindings(certificates: readonly CertificateMetadata[], nowMs: number, paint: Paint): Findings {
  return { text: describeCertificates(certificates, nowMs, paint), json: certificatesAsJson(certificates, nowMs) }
}

function listFindings(lists: readonly RevocationListMetadata[], nowMs: number, paint: Paint): Findings {
  return { text: describeRevocationLists(lists, nowMs, paint), json: revocationListsAsJson(lists) }
}

function tokenFindings(compact: string, nowMs: number, paint: Paint): Findings {
  const token = orCommandError(() => decodeToken(compact))
  return { text: describeToken(token, nowMs, paint), json: tokenAsJson(token) }
}

function readCertificate(der: Uint8Array): CertificateMetadata {
  return orCommandError(() => parseCertificate(der))
}

function orCommandError<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RefusedError) throw new CommandError(`${error.message} (${error.code})`)
    if (error instanceof MisuseError) throw new CommandError(error.message)
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Reads at most a byte more than is allowed, whatever the file is. */
function readFile(path: string, name: string): Uint8Array {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    throw new CommandError(`${printable(name)} cannot be read (${codeOf(error)})`)
  }
  try {
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    let size = 0
    for (let read = -1; read !== 0 && size < buffer.length; size += read)
      read = readSync(descriptor, buffer, size, buffer.length - size, null)
    return buffer.subarray(0, size)
  } catch (error) {
    throw new CommandError(`${printable(name)} cannot be read (${codeOf(error)})`)
  } finally {
    closeSync(descriptor)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
