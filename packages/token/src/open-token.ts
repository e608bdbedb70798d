import type { Appraisal } from './appraisal.js'
import type { Issuer } from './issuer.js'
import type { VerificationKey } from './verification-key.js'

/** A token that cannot be judged yet: the issuer's keys must be asked for, or else (`signed`) its signature must be verified. */
export class Open {
  readonly issuer: Issuer
  readonly field: string
  readonly signed: Signed | null

  constructor(issuer: Issuer, field: string, signed: Signed | null) {
    this.issuer = issuer
    this.field = field
    this.signed = signed
  }
}

/** A token whose signature one of these keys may have made. */
export interface Signed {
  readonly appraisal: Appraisal
  readonly candidates: readonly VerificationKey[]
  /** Of the keys when the candidates were found. */
  readonly epoch: number
}
