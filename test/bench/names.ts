// Who takes part. Read by the servers too, which load nothing of ours unless they are to be protected by it.
export const TRUST_DOMAIN = 'bench.example'
export const CALLER = `spiffe://${TRUST_DOMAIN}/orders`
/** What the peers, which know no SPIFFE ID, look for in the certificate. */
export const CALLER_COMMON_NAME = 'orders'
export const SERVER_NAME = 'localhost'
export const ISSUER = 'https://issuer.bench.example'
export const AUDIENCE = 'billing'
/** A resource, as those name it that know no other audiences (RFC 8707). */
export const AUDIENCE_URI = 'https://billing.bench.example/'
