import { MisuseError, RefusedError } from '@countersign/core'
import { parseCertificate, verifyChain } from '@countersign/x509'
import { NOW_MS } from './certificate.js'
import type { Leaf, World } from './world.js'

export interface OwnVerdict {
  readonly accepted: boolean
  /** `null` where it is accepted. */
  readonly code: string | null
  readonly facts: Readonly<Record<string, unknown>>
  /** What stands between leaf and anchor on the path that was found. */
  readonly between: readonly Uint8Array[]
}

/** What `verifyChain` says, asked the same as `openssl verify`. */
export function ownVerdict({ anchors, untrusted, lists, settings }: World, leaf: Leaf): OwnVerdict {
  const { purpose, revocation, policies, name } = settings
  try {
    const result = verifyChain({
      leaf: leaf.der,
      intermediates: untrusted,
      anchors,
      time: NOW_MS,
      purpose,
      ...(name === null ? {} : { names: [name] }),
      ...(revocation === null ? {} : { crls: lists, revocation: { mode: 'require', scope: revocation } }),
      ...(policies === null
        ? {}
        : {
            policies: {
              initial: policies.initial,
              requireExplicit: policies.explicit,
              inhibitMapping: policies.inhibitMapping,
              inhibitAnyPolicy: policies.inhibitAny,
            },
          }),
    })
    if (!result.valid) return { accepted: false, code: result.code, facts: result.facts, between: [] }
    return { accepted: true, code: null, facts: {}, between: result.path.slice(1, -1).map(({ der }) => der) }
  } catch (error) {
    // An anchor or a list that cannot be read is the fault of whoever asks.
    if (!(error instanceof MisuseError)) throw error
    return { accepted: false, code: error.code, facts: { message: error.message }, between: [] }
  }
}

/** Why we cannot read a certificate, if we cannot. */
export function whyUnreadable(der: Uint8Array): readonly string[] {
  try {
    parseCertificate(der)
    return []
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    return [error.message]
  }
}
