import { type AddressMatch, checkKeys, compileAddressRanges, MisuseError } from '@countersign/core'

/** The proxies that hand TLS connections on as they are, and say by the PROXY protocol whose they are. */
export interface ProxyProtocolOptions {
  /**
   * Whose connections begin with a PROXY header, of version 1 or 2. `dangerouslyAddress`: addresses or ranges, such as `10.0.0.0/8`;
   * whoever can send from one of them says which client he is. `unixSocket`: whoever connects to the Unix socket that the server listens
   * on, whose path must be closed to all but its owner and group.
   */
  readonly from: { readonly dangerouslyAddress: string | readonly string[] } | { readonly unixSocket: true }
}

/** {@link ProxyProtocolOptions}, checked once. */
export interface CheckedProxyProtocol {
  /** `null`: all connections over the Unix socket. */
  readonly isProxyAddress: AddressMatch | null
}

/** @throws {MisuseError} naming the option that is wrong, missing or unknown. */
export function checkProxyProtocol(options: unknown): CheckedProxyProtocol {
  checkKeys('proxyProtocol', options, ['from'])
  const { from } = options
  if (from === undefined)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      'proxyProtocol.from',
      "must be said: { dangerouslyAddress: '10.0.0.7' } for the address of the proxy, or { unixSocket: true }",
    )
  checkKeys('proxyProtocol.from', from, ['dangerouslyAddress', 'unixSocket'])
  const { dangerouslyAddress, unixSocket } = from
  if (dangerouslyAddress !== undefined && unixSocket !== undefined)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'proxyProtocol.from', 'takes dangerouslyAddress or unixSocket, not both')
  if (unixSocket === undefined) {
    const isProxyAddress = compileAddressRanges('proxyProtocol.from.dangerouslyAddress', dangerouslyAddress)
    return Object.freeze({ isProxyAddress })
  }
  if (unixSocket !== true)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      'proxyProtocol.from.unixSocket',
      'takes true: write proxyProtocol: null where no proxy speaks the PROXY protocol',
    )
  return Object.freeze({ isProxyAddress: null })
}
