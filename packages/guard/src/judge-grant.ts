import type { Grant, Refusal } from '@countersign/core'
import type { Verifiers } from './pipeline-parts.js'

/** Is a grant still true? For what outlives its request, or waits. Each kind of evidence is judged by whoever verified it. */
export function judgeGrant(
  { principal, inbound }: Pick<Grant, 'principal' | 'inbound'>,
  { peers, tokens, apiKeys, sessions }: Verifiers,
): Refusal | null {
  const { peer, token, apiKey, session } = principal
  return (
    (peer === null || peers === null ? null : peers.judge(peer, inbound)) ??
    (token === null || tokens === null ? null : (tokens.judge(token, inbound) ?? tokens.bind(token, peer))) ??
    (apiKey === null || apiKeys === null ? null : (apiKeys.judge(apiKey, inbound) ?? apiKeys.bind(apiKey, peer, token))) ??
    (session === null || sessions === null ? null : sessions.judge(session))
  )
}
