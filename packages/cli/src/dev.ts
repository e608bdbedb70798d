import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseSpiffeId } from '@countersign/core'
import { type DevAuthority, writeCredential } from '@countersign/issuer'
import { devIssuer, ensureSigningKey, folderAuthority, RESERVED_NAMES, writeAuthority } from './dev-files.js'
import { createPaint, type Paint } from './paint.js'
import { readArguments, readInteger, refusePositionals } from './read-arguments.js'
import { type Row, renderRows } from './table.js'
import { CommandError, printable, type Terminal, UsageError } from './terminal.js'
import { isoTime } from './time-left.js'

/** Shown by `countersign dev --help`. */
export const DEV_HELP = `countersign dev --for NAME[,NAME…] [options]

Makes a development authority and a certificate for each service in a folder. What is there already is never overwritten; an
authority that is there is used again, so services can be added later.

  --for NAME,NAME        services, each a DNS label such as billing
  --trust-domain NAME    default prod.example, or that of the authority which is there
  --out DIR              default: this folder
  --key ec|rsa           default ec (P-256); rsa has 3072 bits
  --days N               how long the services' certificates last, 1 to 365; default 30
  --force                replaces the files of the services named, never the authority

Writes ca.pem and ca-key.pem, NAME.pem and NAME-key.pem, issuer-key.pem and jwks.json. Keys are readable by you alone (0600).
For development only: whoever can read ca-key.pem can be any service.
`

const USUAL_TRUST_DOMAIN = 'prod.example'
const MAX_DAYS = 365 // as long as the authority lasts
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/ // RFC 1035 §2.3.1, lower case

interface DevRequest {
  readonly names: readonly string[]
  readonly trustDomain: string | null
  readonly out: string
  readonly key: 'ec' | 'rsa'
  readonly days: number
  readonly force: boolean
}

/** `countersign dev`. */
export function runDev(args: readonly string[], terminal: Terminal): void {
  const request = readRequest(args)
  const folder = resolve(terminal.folder, request.out)
  const clock = { nowMs: terminal.nowMs }
  const { authority, trustDomain, made } = folderAuthority(folder, request.trustDomain, USUAL_TRUST_DOMAIN, request.key, clock)
  if (!request.force) refuseExisting(folder, request.names)

  mkdirSync(folder, { recursive: true })
  if (made) writeAuthority(folder, authority)
  // No certificate may outlive its issuer.
  const lastMs = Math.min(terminal.nowMs() + request.days * 86_400_000, authority.validTo.getTime())
  const validSeconds = Math.max(1, Math.floor((lastMs - terminal.nowMs()) / 1000))
  for (const name of request.names) issueService(folder, authority, trustDomain, name, validSeconds, request)
  const signing = ensureSigningKey(folder, devIssuer(trustDomain))

  const paint = createPaint(terminal.colour)
  terminal.write(
    `${paint('bold', `Development credentials of ${trustDomain}`)} in ${printable(request.out)}, until ${isoTime(new Date(lastMs))}\n\n`,
  )
  terminal.write(renderRows(writtenRows(request.names, trustDomain, made, signing), paint))
  terminal.write(nextSteps(request, trustDomain, paint))
}

function readRequest(args: readonly string[]): DevRequest {
  const { values, positionals } = readArguments(args, {
    for: { type: 'string', multiple: true },
    'trust-domain': { type: 'string' },
    out: { type: 'string', default: '.' },
    key: { type: 'string', default: 'ec' },
    days: { type: 'string', default: '30' },
    force: { type: 'boolean', default: false },
  })
  refusePositionals(positionals)
  const names = [...new Set((values.for ?? []).flatMap((list) => list.split(',')).map((name) => name.trim()))]
  if (names.length === 0) throw new UsageError('--for is missing: countersign dev --for billing,orders')
  for (const name of names) checkName(name)
  const trustDomain = values['trust-domain'] ?? null
  if (trustDomain !== null && parseSpiffeId(`spiffe://${trustDomain}`)?.path !== '')
    throw new UsageError('--trust-domain takes a name such as prod.example: lower case, without spiffe:// and without a path')
  if (values.key !== 'ec' && values.key !== 'rsa') throw new UsageError('--key takes ec or rsa')
  return {
    names,
    trustDomain,
    out: values.out,
    key: values.key,
    days: readInteger('--days', values.days, 1, MAX_DAYS),
    force: values.force,
  }
}

function checkName(name: string): void {
  if (!LABEL.test(name))
    throw new UsageError(`--for takes DNS labels such as billing: lower-case letters, digits and dashes, not '${printable(name)}'`)
  if (RESERVED_NAMES.includes(name)) throw new UsageError(`--for cannot name a service ${name}: ${name}-key.pem is not a service's file`)
}

function refuseExisting(folder: string, names: readonly string[]): void {
  const found = names.flatMap((name) => [`${name}.pem`, `${name}-key.pem`]).filter((file) => existsSync(join(folder, file)))
  if (found.length > 0)
    throw new CommandError(`nothing was written, since ${found.join(' and ')} would be overwritten: add --force to replace`)
}

function issueService(
  folder: string,
  authority: DevAuthority,
  trustDomain: string,
  name: string,
  validSeconds: number,
  request: DevRequest,
): void {
  const names = { spiffeId: `spiffe://${trustDomain}/${name}`, dns: [name, 'localhost'], ip: ['127.0.0.1', '::1'] }
  writeCredential(folder, name, authority.issue({ ...names, key: request.key, validSeconds }), { overwrite: request.force })
}

function writtenRows(names: readonly string[], trustDomain: string, made: boolean, signing: readonly string[]): readonly Row[] {
  const kept = (file: string, text: string) => (signing.includes(file) ? text : `${text} (was there)`)
  return [
    ['ca.pem', made ? 'the authority, for mtls.trust' : 'the authority (was there)'],
    ['ca-key.pem', made ? 'its key: whoever reads it can be any service' : 'its key (was there)'],
    ...names.flatMap((name): readonly Row[] => [
      [`${name}.pem`, `spiffe://${trustDomain}/${name}, also for ${name}, localhost, 127.0.0.1 and ::1`],
      [`${name}-key.pem`, 'its key'],
    ]),
    ['issuer-key.pem', kept('issuer-key.pem', 'signs development tokens')],
    ['jwks.json', kept('jwks.json', 'its public key, for jwt.keys')],
  ]
}

function nextSteps({ names, out }: DevRequest, trustDomain: string, paint: Paint): string {
  const caller = names.at(-1) ?? ''
  const server = names.find((name) => name !== caller) ?? 'your-service'
  const at = (file: string) => (out === '.' ? file : join(out, file))
  const lines = [
    `const guard = createGuard({ mtls: { trust: '${at('ca.pem')}' }, jwt: null, authorize: ['spiffe://${trustDomain}/${caller}'] })`,
    'app.use(countersign(guard))',
    `secureServer({ cert: '${at(`${server}.pem`)}', key: '${at(`${server}-key.pem`)}', guard }, app).listen(8443)`,
  ]
  const tokens = [
    `jwt: { issuer: '${devIssuer(trustDomain)}', audience: '${server}', keys: { file: '${at('jwks.json')}' }, subjects: [{ trustDomain: '${trustDomain}' }] }`,
  ]
  const commands = [
    `curl --cacert ${at('ca.pem')} --cert ${at(`${caller}.pem`)} --key ${at(`${caller}-key.pem`)} https://localhost:8443/`,
    `countersign token --for ${caller} --audience ${server}${out === '.' ? '' : ` --in ${out}`}`,
    `countersign inspect ${at(`${caller}.pem`)}`,
  ]
  const indented = (texts: readonly string[]) => texts.map((text) => `  ${printable(text)}\n`).join('')
  return `\n${paint('bold', 'In the service')}\n${indented(lines)}\n${paint('bold', 'With tokens, in place of jwt: null')}\n${indented(tokens)}\n${paint('bold', 'Then, with your path in place of /')}\n${indented(commands)}\nKeep the files that end in -key.pem out of version control.\n`
}
