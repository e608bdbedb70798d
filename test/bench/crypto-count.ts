// Counts signature checks, whoever makes them. Must be loaded before what it is to watch.
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

let count = 0

/** Signature checks in this process so far: tokens and certificates, one-shot, streaming and Web Crypto. */
export function signatureChecks(): number {
  return count
}

function counted<This, Args extends unknown[], Result>(
  check: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  return function countedCheck(...args) {
    count += 1
    return check.apply(this, args)
  }
}

crypto.verify = counted(crypto.verify as (...args: unknown[]) => unknown) as typeof crypto.verify
crypto.Verify.prototype.verify = counted(crypto.Verify.prototype.verify as (...args: unknown[]) => unknown) as crypto.Verify['verify']
crypto.X509Certificate.prototype.verify = counted(crypto.X509Certificate.prototype.verify)
Object.getPrototypeOf(crypto.webcrypto.subtle).verify = counted(crypto.webcrypto.subtle.verify)
syncBuiltinESMExports()
