import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { MIN_SECRET_BYTES, readSecretFile } from '@countersign/core'
import { writeSecretFile } from '@countersign/issuer'
import { type ApiKeyRecord, createApiKey, type IssuedApiKey, rotateApiKey } from '@countersign/token'
import { readKeyFile, writeKeyFile } from './key-file.js'
import { readArguments, readInteger, refusePositionals } from './read-arguments.js'
import { CommandError, printable, printableJson, type Terminal, UsageError } from './terminal.js'

/** Shown by `countersign key --help`. */
export const KEY_HELP = `countersign key new --for OWNER --hash-key FILE [options]
countersign key rotate ID --keys FILE --hash-key FILE [options]
countersign key hash-key FILE

new makes an API key, rotate one that takes the place of another, which goes on working for a while. The key is shown once, and kept
nowhere; its record holds a hash that FILE, the hash key, was used for. hash-key makes such a file: ${MIN_SECRET_BYTES} random bytes.

  --for OWNER            whose key: spiffe://prod.example/orders, or another name
  --hash-key FILE        what the guard has as apiKeys.hashKey
  --keys FILE            the file of records, apiKeys.keys of the guard; new without it prints the record
  --out FILE             writes the key there (mode 0600) instead of showing it
  --scope 'A B'          scopes; default: none
  --prefix TEXT          what the key begins with; default csk
  --days DAYS            how long it lives, 1 to 366; default 90
  --overlap-hours HOURS  how long the old key goes on working, 0 to 720; default 168, and 1 in an emergency (0 to 24)
  --emergency            the old key may be in the wrong hands: rotates it however young it is
`

const HOUR_SECONDS = 3600
const DAY_SECONDS = 24 * HOUR_SECONDS
const OPTIONS = {
  for: { type: 'string' },
  'hash-key': { type: 'string' },
  keys: { type: 'string' },
  out: { type: 'string' },
  scope: { type: 'string' },
  prefix: { type: 'string', default: 'csk' },
  days: { type: 'string', default: '90' },
  'overlap-hours': { type: 'string' },
  emergency: { type: 'boolean', default: false },
} as const

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>['values']

/** `countersign key`. */
export function runKey(args: readonly string[], terminal: Terminal): void {
  const { values, positionals } = readArguments(args, OPTIONS)
  const [action = '', subject, ...rest] = positionals
  refusePositionals(rest)
  switch (action) {
    case 'new':
      refusePositionals(subject === undefined ? [] : [subject])
      runNew(values, terminal)
      return
    case 'rotate':
      if (subject === undefined)
        throw new UsageError('which key? npx @countersign/cli key rotate ID --keys api-keys.json --hash-key api-keys.bin')
      runRotate(subject, values, terminal)
      return
    case 'hash-key':
      if (subject === undefined) throw new UsageError('which file? npx @countersign/cli key hash-key api-keys.bin')
      writeSecretFile(resolve(terminal.folder, subject), randomBytes(MIN_SECRET_BYTES))
      return
    default:
      throw new UsageError(action === '' ? 'new, rotate or hash-key?' : `there is no 'key ${printable(action)}': new, rotate or hash-key?`)
  }
}

function runNew(values: Values, terminal: Terminal): void {
  const { for: owner, keys } = values
  if (owner === undefined || owner === '')
    throw new UsageError('--for is missing: npx @countersign/cli key new --for spiffe://prod.example/orders --hash-key api-keys.bin')
  refuse(values, ['emergency', 'overlap-hours'], 'new')
  const issued = createApiKey({
    owner,
    scopes: (values.scope ?? '').split(' ').filter((scope) => scope !== ''),
    hashKey: readHashKey(values, terminal),
    prefix: values.prefix,
    expiresInSeconds: readLifetime(values),
    clock: { nowMs: terminal.nowMs },
  })
  const file = keys === undefined ? null : resolve(terminal.folder, keys)
  show(issued, values, terminal, () => {
    if (file !== null) writeKeyFile(file, [...(existsSync(file) ? readKeyFile(file) : []), issued.record])
  })
  if (file === null) terminal.write(printableJson(issued.record))
}

function runRotate(id: string, values: Values, terminal: Terminal): void {
  if (values.keys === undefined) throw new UsageError('--keys is missing: the file that holds the record of the key')
  refuse(values, ['for', 'scope'], 'rotate')
  const { emergency } = values
  const hours = values['overlap-hours']
  const overlap = hours === undefined ? null : HOUR_SECONDS * readInteger('--overlap-hours', hours, 0, emergency ? 24 : 720)
  const file = resolve(terminal.folder, values.keys)
  const records = readKeyFile(file)
  const old = records.find((record) => record.id === id)
  if (old === undefined) throw new CommandError(`there is no key ${printable(id)} in ${printable(values.keys)}`)
  const rotation = rotateApiKey(old, {
    hashKey: readHashKey(values, terminal),
    prefix: values.prefix,
    maxAgeSeconds: readLifetime(values),
    emergency,
    ...(overlap === null ? {} : emergency ? { emergencyOverlapSeconds: overlap } : { overlapSeconds: overlap }),
    clock: { nowMs: terminal.nowMs },
  })
  if (!rotation.rotated) throw new CommandError(reasonOf(rotation, old))
  const { issued, retired } = rotation
  show(issued, values, terminal, () =>
    writeKeyFile(file, [...records.map((record) => (record.id === id ? retired : record)), issued.record]),
  )
}

function reasonOf(rotation: Extract<ReturnType<typeof rotateApiKey>, { rotated: false }>, { replacedBy }: ApiKeyRecord): string {
  switch (rotation.reason) {
    case 'too-soon':
      return `the key is younger than a day: wait until ${new Date(rotation.notBeforeMs).toISOString()}, or write --emergency`
    case 'replaced':
      return `the key was replaced already: rotate ${replacedBy}, which took its place`
    case 'revoked':
      return 'the key was revoked, and nothing is to follow it: npx @countersign/cli key new makes another'
  }
}

/** The file of the key is written first: a record of a key that nobody has would only be in the way, a key without a record does nothing. */
function show({ text, record }: IssuedApiKey, { out }: Values, terminal: Terminal, keep: () => void): void {
  if (out !== undefined) writeSecretFile(resolve(terminal.folder, out), `${text}\n`)
  keep()
  if (out === undefined) terminal.write(`${text}\n`)
  terminal.complain(`key ${record.id} of ${printable(record.owner)}, until ${new Date(record.expiresAtMs).toISOString()}\n`)
}

function readHashKey(values: Values, terminal: Terminal): Uint8Array {
  const file = values['hash-key']
  if (file === undefined) throw new UsageError('--hash-key is missing: npx @countersign/cli key hash-key api-keys.bin makes one')
  return readSecretFile('--hash-key', resolve(terminal.folder, file))
}

function readLifetime({ days }: Values): number {
  return DAY_SECONDS * readInteger('--days', days, 1, 366)
}

function refuse(values: Values, options: readonly (keyof Values)[], action: string): void {
  const given = options.find((option) => values[option] !== undefined && values[option] !== false)
  if (given !== undefined) throw new UsageError(`--${given} is not for key ${action}`)
}
