import { createRandom, type Random } from '../differential/random.js'
import { createSigners, type Signer } from './issuers.js'
import { createJudges, type Verdict } from './judge.js'
import { goodDraft, mutatedDraft } from './mutate-signed.js'
import { TEXT_MUTATIONS, type World } from './mutate-text.js'
import { RULES, type Rule, see } from './rules.js'

/** What became of the tokens of one run. */
export interface Outcome {
  readonly tokens: number
  readonly acceptedByBoth: number
  readonly refusedByBoth: number
  /** How often which rule explained a difference. */
  readonly explained: ReadonlyMap<Rule, number>
  /** Our codes. */
  readonly codes: ReadonlyMap<string, number>
  /** Differences that no rule explains: none, or there is a fault on one of the two sides. */
  readonly unexplained: readonly string[]
}

// RSA takes a millisecond to sign and the long curves as long to verify: a few of them see what is special about them.
const USUAL: ReadonlySet<string> = new Set(['ES256', 'EdDSA', 'Ed25519'])
const SPECIAL_PERCENT = 4
const SIGNED_PERCENT = 55
const MAX_SHOWN = 20

/** Judges so many mutated tokens by both, always the same ones but for their keys and signatures. */
export async function compareWithJose(count: number, seed: number): Promise<Outcome> {
  const random = createRandom(seed)
  const signers = createSigners()
  const judges = createJudges(signers)
  const world: World = { signers, good: signers.map(goodToken) }
  const [usual, special] = [signers.filter(isUsual), signers.filter((one) => !isUsual(one))]
  const explained = new Map<Rule, number>()
  const codes = new Map<string, number>()
  const both = { accepted: 0, refused: 0 }
  const unexplained: string[] = []

  for (let index = 0; index < count; index++) {
    const token = mutated(random.pick(random.percent(SPECIAL_PERCENT) ? special : usual), random, world)
    const [own, jose] = [await judges.own(token), await judges.jose(token)]
    codes.set(own ?? 'ok', (codes.get(own ?? 'ok') ?? 0) + 1)
    if ((own === null) === (jose === null)) {
      both[own === null ? 'accepted' : 'refused']++
      continue
    }
    const rule = ruleFor(token, own)
    if (rule !== null) explained.set(rule, (explained.get(rule) ?? 0) + 1)
    else if (unexplained.length < MAX_SHOWN) unexplained.push(`we: ${own ?? 'ok'}, jose: ${jose ?? 'ok'}: ${JSON.stringify(token)}`)
  }
  return { tokens: count, acceptedByBoth: both.accepted, refusedByBoth: both.refused, explained, codes, unexplained }
}

/** The outcome, for people. */
export function textOf({ tokens, acceptedByBoth, refusedByBoth, explained, codes, unexplained }: Outcome): string {
  const differing = tokens - acceptedByBoth - refusedByBoth
  return [
    `${tokens} tokens; both accept ${acceptedByBoth}, both refuse ${refusedByBoth}, they differ on ${differing}, ${unexplained.length} unexplained`,
    ...RULES.map(
      (rule) => `  ${String(explained.get(rule) ?? 0).padStart(7)} refused by ${rule.refusedBy} alone: ${rule.name} (${rule.reason})`,
    ),
    `  codes: ${[...codes].map(([code, times]) => `${code} ${times}`).join(', ')}`,
    ...unexplained,
  ].join('\n')
}

function ruleFor(token: string, own: Verdict): Rule | null {
  const seen = see(token)
  return RULES.find(({ refusedBy, code, explains }) => (own === null ? refusedBy === 'jose' : code === own) && explains(seen)) ?? null
}

function mutated(signer: Signer, random: Random, world: World): string {
  const { good, signers } = world
  const signed = random.percent(SIGNED_PERCENT)
  let token = good[signers.indexOf(signer)] ?? ''
  if (signed) {
    const draft = mutatedDraft(signer, random)
    token = signer.sign(draft.header, draft.payload)
    if (!random.percent(10)) return token
  }
  for (let change = random.below(2); change >= 0; change--) token = random.pick(TEXT_MUTATIONS)(token, random, world)
  return token
}

function goodToken(signer: Signer): string {
  const { header, claims } = goodDraft(signer)
  return signer.sign(JSON.stringify(header), JSON.stringify(claims))
}

function isUsual({ algorithm }: Signer): boolean {
  return USUAL.has(algorithm)
}
