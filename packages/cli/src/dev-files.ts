import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, MisuseError, parseSpiffeId } from '@countersign/core'
import {
  createDevAuthority,
  createTokenSigner,
  type DevAuthority,
  openDevAuthority,
  writeCredential,
  writeSecretFile,
} from '@countersign/issuer'
import { parseCertificate } from '@countersign/x509'
import { CommandError } from './terminal.js'

/** Names of files that are no service's. */
export const RESERVED_NAMES = ['ca', 'issuer']

const AUTHORITY_SECONDS = 365 * 86_400

/** The authority of a folder, and whether it was made now. */
export interface FolderAuthority {
  readonly authority: DevAuthority
  readonly trustDomain: string
  readonly made: boolean
}

/**
 * Takes up the authority in the folder, or makes one.
 * @param wanted trust domain; `null`: that of the authority which is there, else `usual`.
 * @throws {CommandError} if half of it is there, if it has run out, or if it is for another trust domain.
 */
export function folderAuthority(folder: string, wanted: string | null, usual: string, key: 'ec' | 'rsa', clock: Clock): FolderAuthority {
  const [certificateFile, keyFile] = [join(folder, 'ca.pem'), join(folder, 'ca-key.pem')]
  const there = [existsSync(certificateFile), existsSync(keyFile)] as const
  if (there[0] !== there[1]) {
    const [missing, found] = there[0] ? ['ca-key.pem', 'ca.pem'] : ['ca.pem', 'ca-key.pem']
    throw new CommandError(`${found} is there without ${missing}: put it back, or move ${found} away`)
  }
  if (!there[0]) {
    const trustDomain = wanted ?? usual
    const authority = createDevAuthority({
      trustDomain,
      key,
      clock,
      validSeconds: AUTHORITY_SECONDS,
      name: `Development CA of ${trustDomain}`,
    })
    return { authority, trustDomain, made: true }
  }
  const authority = readAuthority(certificateFile, keyFile, clock)
  if (authority.validTo.getTime() <= clock.nowMs())
    throw new CommandError('the authority in ca.pem has expired: move ca.pem and ca-key.pem away, and all certificates are made anew')
  const trustDomain = parseSpiffeId(parseCertificate(authority.certificateDer).spiffeId ?? '')?.trustDomain
  if (trustDomain === undefined) throw new CommandError('ca.pem is not an authority for one trust domain: choose another folder with --out')
  if (wanted !== null && wanted !== trustDomain)
    throw new CommandError(`ca.pem is the authority of ${trustDomain}: choose another folder with --out`)
  return { authority, trustDomain, made: false }
}

/** Writes a new authority into the folder. */
export function writeAuthority(folder: string, { certificatePem, keyPem }: DevAuthority): void {
  writeCredential(folder, 'ca', { chainPem: certificatePem, keyPem })
}

/** Makes the key that signs development tokens, unless it is there. Returns the names of the files that were written. */
export function ensureSigningKey(folder: string, issuer: string): readonly string[] {
  const [keyFile, jwksFile] = [join(folder, 'issuer-key.pem'), join(folder, 'jwks.json')]
  const written: string[] = []
  if (!existsSync(keyFile)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeSecretFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    written.push('issuer-key.pem')
  }
  const jwks = `${JSON.stringify(createTokenSigner({ issuer, key: readSigningKey(keyFile) }).jwks(), null, 2)}\n`
  if (!existsSync(jwksFile) || readFileSync(jwksFile, 'utf8') !== jwks) {
    writeFileSync(jwksFile, jwks)
    written.push('jwks.json')
  }
  return written
}

/** @throws {CommandError} if there is no readable key. */
export function readSigningKey(file: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(file))
  } catch {
    throw new CommandError(`${file} is not there or holds no private key: countersign dev makes it`)
  }
}

/** The issuer that development tokens name. */
export function devIssuer(trustDomain: string): string {
  return `https://issuer.${trustDomain}`
}

function readAuthority(certificateFile: string, keyFile: string, clock: Clock): DevAuthority {
  try {
    return openDevAuthority({ certificatePem: readFileSync(certificateFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') }, { clock })
  } catch (error) {
    const reason = error instanceof MisuseError ? 'they do not belong together, or are not those of an authority' : 'they cannot be read'
    throw new CommandError(`ca.pem and ca-key.pem cannot be used: ${reason}`)
  }
}
