/**
 * Who somebody is: a value, the kind of name it is, and the authority that vouches for it. Two identities are the same only if
 * all three are: `alice` of one issuer is not `alice` of another, and a DNS name is never a token's subject.
 */
export interface Identity {
  readonly kind: 'spiffe' | 'dns' | 'uri' | 'email' | 'cn' | 'subject'
  /** The trust domain of a SPIFFE ID, the issuer of a token's subject; empty for other names of a certificate. */
  readonly authority: string
  readonly value: string
}
