// Odd primes up to 167: enough that a sound modulus has about one chance in a hundred million to look like a weak one.
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139,
  149, 151, 157, 163, 167,
]
const GENERATOR = 65537

/**
 * Was this modulus made by the library of CVE-2017-15361 (ROCA)? Its primes are powers of 65537 modulo a product of small primes, so the
 * modulus is one too, modulo each of them; such a key can be factored.
 */
export function isRoca(modulus: bigint): boolean {
  return PRIMES.every((prime) => isPower(Number(modulus % BigInt(prime)), prime))
}

function isPower(remainder: number, prime: number): boolean {
  let power = 1
  do {
    if (power === remainder) return true
    power = (power * GENERATOR) % prime
  } while (power !== 1)
  return false
}
