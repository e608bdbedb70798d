import { RefusedError, type StateChange, StateError } from '@countersign/core'
import { hasCurrentList } from '../current-list.js'
import { isAnyRevoked, ofCertificate } from '../handed-down.js'
import { isRebuilding } from '../is-rebuilding.js'
import { MAX_ROUNDS, type MeshContext, refusalOfFault } from '../mesh-context.js'
import { isOperationRefusal, type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { createServiceLedger, type Standing } from './service-ledger.js'
import { createTokenMint, type MintedToken, type TokenOrder } from './token-mint.js'

/**
 * What became of an order. `outdated`: what the token was to be made from is revoked. `conflict`: something else that the change expects is not
 * so any more.
 */
export type Issued = MintedToken | OperationRefusal | 'outdated' | 'conflict'

/**
 * Makes a token, and commits it with what the mesh knows of its service: it is given away only then.
 * @param also what else is committed with it.
 */
export type IssueToken = (order: TokenOrder, standing: Standing, also?: (token: MintedToken) => StateChange) => Promise<Issued>

/** Makes the one way in which a token of the mesh is issued, whoever asks for it: by hand, or at the token endpoint. */
export function createTokenIssuance(context: MeshContext): IssueToken {
  const { core, retry } = context
  const mint = createTokenMint(context)
  const ledger = createServiceLedger(context)

  async function issue(order: TokenOrder, standing: Standing, also: (token: MintedToken) => StateChange): Promise<Issued> {
    const { subject } = order
    const certificates = [...order.revokedWith.filter(([kind]) => kind === 'certificate'), ...ofCertificate(order.boundTo.thumbprint)]
    let revokedBeforeMs = 0
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // Who was revoked meanwhile must be known before anybody gets a token.
      if (!(await hasCurrentList(core))) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'lease' })
      const nowMs = core.surroundings.clock.nowMs()
      if (isRebuilding(core, nowMs)) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' })
      if (isAnyRevoked(core.revocations, certificates, nowMs)) return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'certificate' })
      const token = await mint(order, revokedBeforeMs)
      if (isOperationRefusal(token)) return token
      const { put = [], ...change } = also(token)
      const outcome = await ledger.commit(
        { ...standing, subject, by: order.by, token },
        { ...change, put: [token.write, ...put], emit: token.events },
      )
      switch (outcome.kind) {
        case 'committed':
          return token
        case 'revoked':
          return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'service' })
        case 'conflict':
          return 'conflict'
        case 'outdated':
          // Whoever has proven himself gets another one, which begins after the revocation.
          if (standing.madeFrom !== null) return 'outdated'
          revokedBeforeMs = outcome.revokedBeforeMs
      }
    }
    return 'conflict'
  }

  return async (order, standing, also = () => ({})) => {
    try {
      return await retry.run(order.by, () => issue(order, standing, also))
    } catch (fault) {
      if (fault instanceof StateError || fault instanceof RefusedError) return refusalOfFault(fault)
      throw fault
    }
  }
}
