import { encodePem } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { createTokenSigner, type TokenSigner } from '@countersign/issuer'
import { inboundFrom } from '@countersign/node'
import { type Mesh, mintToken } from './credentials.js'
import { ENDLESS, fullOptions } from './guard-options.js'
import type { Case } from './in-process.js'
import { CALLER, ISSUER } from './names.js'
import { bearer, forwardedByNginx, freshRequest, quietConnection } from './requests.js'

const CHEAP_BATCH = 200
const DEAR_BATCH = 20
const ONE_ATTEMPT = { quota: 1, windowSeconds: 86_400 } as const

export const CASE = {
  warm: 'warm: certificate, token, quota, rules',
  alternating: 'warm, 16 tokens taking turns on one connection',
  certificate: 'warm: certificate alone, no quota, one rule for all',
  proxied: 'warm: the same, of a certificate that a proxy hands on',
  missing: 'denial: no token',
  overBudget: 'denial: wrong signature, over the failure budget',
  coldRs256: 'cold: RS256, right',
  wrongRs256: 'cold: RS256, wrong signature',
  coldEs256: 'cold: ES256, right',
  wrongEs256: 'cold: ES256, wrong signature',
} as const

/** Tokens as garbled as they come, of the length of a real one. */
export const MALFORMED: Readonly<Record<string, (token: string) => string>> = {
  'malformed: no dots': (token) => token.replaceAll('.', '-'),
  'malformed: a header that is no JSON': (token) => replacePart(token, 0, (part) => `AAAA${part.slice(4)}`),
  'malformed: claims that are no JSON': (token) => replacePart(token, 1, (part) => `AAAA${part.slice(4)}`),
  'malformed: a signature that is no base64url': (token) => replacePart(token, 2, (part) => `${part.slice(0, -1)}+`),
}

export interface Cases {
  readonly cheap: readonly Case[]
  /** With cryptography: each request brings a token of its own, enough for so many batches. */
  readonly dear: readonly Case[]
  close(): Promise<void>
}

/** Every case, with the guard it needs. */
export async function createCases(mesh: Mesh, dearBatches: number): Promise<Cases> {
  const es256 = createTokenSigner({ issuer: ISSUER, algorithm: 'ES256' })
  const guards: Guard[] = []
  const open = async (options: GuardOptions): Promise<Guard> => {
    const guard: Guard = createGuard(options)
    guards.push(guard)
    await guard.ready()
    return guard
  }
  // Events are written as in a service, but to nobody.
  const audit = { logger: { info() {}, warn() {}, error() {} } }
  const full = { ...fullOptions({ caPem: mesh.server.caPem, jwks: [...mesh.server.jwks, ...es256.jwks().keys] }), audit }
  const patient = await open({ ...full, limit: { perCaller: ENDLESS, perAddress: ENDLESS } })
  const strict = await open({ ...full, limit: { perCaller: ENDLESS, perAddress: ONE_ATTEMPT } })
  const certificateOnly = await open({ ...full, jwt: null, limit: null, authorize: 'any-authenticated' })

  // The proxy and its client have one certificate, which is all the same to the guard.
  const behindProxy = await open({
    ...full,
    jwt: null,
    limit: null,
    authorize: 'any-authenticated',
    forwarded: { format: 'nginx', from: { peer: CALLER } },
  })

  const { token } = mesh.caller
  const connection = () => quietConnection(mesh.callerCertificate.certificateDer)
  const mint = (signer: TokenSigner): string => mintToken(signer, CALLER, mesh.callerCertificate)

  function cheap(name: string, guard: Guard, expected: string | null, tokens: readonly string[]): Case {
    return taking(name, guard, CHEAP_BATCH, expected, tokens)
  }
  function dear(name: string, expected: string | null, make: () => string): Case {
    return taking(name, patient, DEAR_BATCH, expected, Array.from({ length: dearBatches * DEAR_BATCH }, make))
  }
  function taking(name: string, guard: Guard, batch: number, expected: string | null, tokens: readonly string[]): Case {
    const fields = tokens.map(bearer)
    const socket = connection()
    let turn = 0
    return { name, guard, batch, expected, request: () => freshRequest(socket, fields[turn++ % fields.length] ?? null) }
  }

  function proxied(): Case {
    const fields = forwardedByNginx(encodePem('CERTIFICATE', mesh.callerCertificate.certificateDer))
    const socket = connection()
    return { name: CASE.proxied, guard: behindProxy, batch: CHEAP_BATCH, expected: null, request: () => freshRequest(socket, null, fields) }
  }

  // The budget of the strict guard is used up before anything is timed.
  const used = freshRequest(connection(), bearer(withWrongSignature(token)))
  await strict.decide(inboundFrom(used, used.url ?? ''))
  return {
    cheap: [
      cheap(CASE.warm, patient, null, [token]),
      cheap(
        CASE.alternating,
        patient,
        null,
        Array.from({ length: 16 }, () => mint(mesh.signer)),
      ),
      cheap(CASE.certificate, certificateOnly, null, []),
      proxied(),
      cheap(CASE.missing, patient, 'ERR_TOKEN_MISSING', []),
      ...Object.entries(MALFORMED).map(([name, garble]) => cheap(name, patient, 'ERR_TOKEN_MALFORMED', [garble(token)])),
      cheap(
        CASE.overBudget,
        strict,
        'ERR_ATTEMPTS_EXCEEDED',
        Array.from({ length: CHEAP_BATCH }, () => withWrongSignature(mint(mesh.signer))),
      ),
    ],
    dear: [
      dear(CASE.coldRs256, null, () => mint(mesh.signer)),
      dear(CASE.wrongRs256, 'ERR_TOKEN_SIGNATURE', () => withWrongSignature(mint(mesh.signer))),
      dear(CASE.coldEs256, null, () => mint(es256)),
      dear(CASE.wrongEs256, 'ERR_TOKEN_SIGNATURE', () => withWrongSignature(mint(es256))),
    ],
    async close() {
      await Promise.all(guards.map((guard) => guard.close()))
    },
  }
}

/** Another signature of the same length: what is checked last of all, at full cost. */
export function withWrongSignature(token: string): string {
  return replacePart(token, 2, (part) => {
    const middle = Math.floor(part.length / 2)
    return `${part.slice(0, middle)}${part[middle] === 'A' ? 'B' : 'A'}${part.slice(middle + 1)}`
  })
}

function replacePart(token: string, index: number, change: (part: string) => string): string {
  return token
    .split('.')
    .map((part, at) => (at === index ? change(part) : part))
    .join('.')
}
