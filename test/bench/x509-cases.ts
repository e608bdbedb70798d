import { createPublicKey, verify } from 'node:crypto'
import { createChainVerifier, verifyChain } from '@countersign/x509'
import { X509Certificate as PeculiarCertificate, X509ChainBuilder } from '@peculiar/x509'
import { Certificate, CertificateChainValidationEngine } from 'pkijs'
import { NOW_MS } from '../chains/certificate.js'
import type { Chain } from './x509-chains.js'
import { COLD } from './x509-names.js'
import { openVerifier } from './x509-verifier.js'

/** One way to judge a chain. Throws where it is not found good. */
export interface ChainCase {
  readonly name: string
  /** Judgements timed together. */
  readonly batch: number
  /** Called before each batch, untimed. */
  prepare(): void
  judge(chain: Chain): void | Promise<void>
}

const DIGEST = 'sha256'
const NOTHING = (): void => {}

export function coldCases(chains: readonly Chain[]): readonly ChainCase[] {
  return [
    { name: COLD.own, batch: 24, prepare: NOTHING, judge: judgeOurs },
    keptCase(chains),
    verifierCase(chains),
    { name: COLD.ready, batch: 24, prepare: NOTHING, judge: (chain) => verifyBare(chain, 'ready') },
    { name: COLD.numbers, batch: 24, prepare: NOTHING, judge: (chain) => verifyBare(chain, 'numbers') },
    { name: COLD.bytes, batch: 24, prepare: NOTHING, judge: (chain) => verifyBare(chain, 'bytes') },
    { name: COLD.pkijs, batch: 4, prepare: NOTHING, judge: judgeWithPkijs },
    { name: COLD.peculiar, batch: 4, prepare: NOTHING, judge: judgeWithPeculiar },
  ]
}

/** A verifier that has the keys of the authorities. It remembers no leaf. */
function keptCase(chains: readonly Chain[]): ChainCase {
  const verifier = createChainVerifier(chains.map(({ root }) => root))
  return {
    name: COLD.kept,
    batch: 24,
    prepare: NOTHING,
    judge({ leaf, intermediate }) {
      const result = verifier.verify({ leaf, intermediates: [intermediate], time: NOW_MS })
      if (!result.valid) throw new Error(`refused: ${result.code}`)
    },
  }
}

/** A verifier that trusts the roots of all chains and has seen none of the leaves. */
function verifierCase(chains: readonly Chain[]): ChainCase {
  const fresh = () => openVerifier(chains.map(({ root }) => root))
  let opened = fresh()
  return {
    name: COLD.verifier,
    batch: 24,
    prepare() {
      opened.close()
      opened = fresh()
    },
    judge: (chain) => opened.see(chain),
  }
}

function judgeOurs({ leaf, intermediate, root }: Chain): void {
  const result = verifyChain({ leaf, intermediates: [intermediate], anchors: [root], time: NOW_MS })
  if (!result.valid) throw new Error(`refused: ${result.code}`)
}

function verifyBare({ checks }: Chain, keys: 'ready' | 'numbers' | 'bytes'): void {
  for (const { signed, signature, key, jwk, spki } of checks) {
    const given =
      keys === 'ready'
        ? key
        : keys === 'numbers'
          ? createPublicKey({ key: jwk, format: 'jwk' })
          : { key: spki, format: 'der' as const, type: 'spki' as const }
    if (!verify(DIGEST, signed, given, signature)) throw new Error('a signature that is not right')
  }
}

async function judgeWithPkijs({ leaf, intermediate, root }: Chain): Promise<void> {
  const [trusted, middle, last] = [root, intermediate, leaf].map((der) => Certificate.fromBER(Uint8Array.from(der)))
  if (trusted === undefined || middle === undefined || last === undefined) throw new RangeError('a chain of three')
  const engine = new CertificateChainValidationEngine({ trustedCerts: [trusted], certs: [middle, last], checkDate: new Date(NOW_MS) })
  const { result, resultMessage } = await engine.verify()
  if (!result) throw new Error(`pkijs: ${resultMessage}`)
}

// A wrong signature makes its chain shorter, so its length is looked at; dates and constraints are not its business.
async function judgeWithPeculiar({ leaf, intermediate, root }: Chain): Promise<void> {
  const [trusted, middle, last] = [root, intermediate, leaf].map((der) => new PeculiarCertificate(Uint8Array.from(der)))
  if (trusted === undefined || middle === undefined || last === undefined) throw new RangeError('a chain of three')
  const chain = await new X509ChainBuilder({ certificates: [middle, trusted] }).build(last)
  if (chain.length !== 3) throw new Error('@peculiar/x509: the chain ends early')
}
