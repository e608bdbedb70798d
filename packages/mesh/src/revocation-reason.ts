import { checkChoice, checkKeys, joinPath } from '@countersign/core'

/** Why something is revoked: words of a fixed set, after RFC 5280 §5.3.1, for logs and events. */
export type RevocationReason =
  | 'unspecified'
  | 'key-compromise'
  | 'credential-leak'
  | 'privilege-withdrawn'
  | 'superseded'
  | 'deregistered'
  | 'logout'
  | 'suspicious-activity'

const REASONS: readonly RevocationReason[] = [
  'unspecified',
  'key-compromise',
  'credential-leak',
  'privilege-withdrawn',
  'superseded',
  'deregistered',
  'logout',
  'suspicious-activity',
]

/** @throws {MisuseError} */
export function checkReason(option: string, options: unknown): RevocationReason {
  checkKeys(option, options, ['reason'])
  return checkChoice(joinPath(option, 'reason'), options['reason'], REASONS)
}
