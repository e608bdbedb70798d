import { MisuseError, parsePlainUrl } from '@countersign/core'
import { isLoopback } from './loopback.js'

/**
 * Checks the URL of something that an issuer serves.
 * @param why what somebody on the way to it could do, who can change what it says.
 * @throws {MisuseError} unless it is `https`, or `http` to this very machine.
 */
export function checkEndpoint(option: string, text: string, why: string): string {
  const url = parsePlainUrl(text)
  if (url === null) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an absolute URL without user, password and fragment')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an https URL: ${why}`)
  }
  return url.href
}
