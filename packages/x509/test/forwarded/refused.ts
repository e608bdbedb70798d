import { isRefusal } from '@countersign/core'
import type { ForwardedResult } from '@countersign/x509'

/** Code and facts of a refusal, as one text: `CODE field reason`; what it is, for anything else. */
export function told(result: ForwardedResult): string {
  if (result === null) return 'null'
  if (!isRefusal(result)) return result.kind
  return [result.code.replace('ERR_FORWARDED_', ''), result.facts['field'], result.facts['reason']].join(' ')
}
