import type { TokenVerifier } from '@countersign/core'
import { createTokenVerifier, type DpopOptions, type JwtOptions } from '@countersign/token'
import { ORIGIN, thumbprintOf } from '../requests.js'
import { createSigner, type Signer } from '../signer.js'
import { claims, createSurroundings, optionsFor, type TestSurroundings } from '../surroundings.js'

export interface DpopBench {
  readonly issuer: Signer
  /** The caller's. */
  readonly key: Signer
  /** Bound to it. */
  readonly token: string
  readonly surroundings: TestSurroundings
  readonly verifier: TokenVerifier
}

/** One issuer, one caller with a key of its own and a token bound to it, and a verifier that takes nothing else. */
export function createDpopBench(dpop: Partial<DpopOptions> = {}, more: Partial<JwtOptions> = {}, algorithm = 'ES256'): DpopBench {
  const issuer = createSigner('ES256')
  const key = createSigner(algorithm)
  const surroundings = createSurroundings()
  const options = optionsFor([issuer], { binding: 'dpop', dpop: { origins: ORIGIN, ...dpop }, ...more })
  const token = issuer.sign(claims({ cnf: { jkt: thumbprintOf(key) } }))
  return { issuer, key, token, surroundings, verifier: createTokenVerifier(options, surroundings) }
}
