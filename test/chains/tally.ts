import type { OwnVerdict } from './countersign.js'
import type { Rule } from './rules.js'

/** How often which verdict was given. */
export interface Tally {
  agreed(own: OwnVerdict): void
  /** @param rule `null`: none explains it. */
  differed(own: OwnVerdict, rule: Rule | null): void
  generated(): number
  acceptedByBoth(): number
  refusedByBoth(): number
  explainedBy(name: string): number
  text(): string
}

export function createTally(): Tally {
  const byRule = new Map<string, number>()
  const byCode = new Map<string, number>()
  const both = { accepted: 0, refused: 0 }
  const alone = { countersign: 0, openssl: 0, unexplained: 0 }

  function generated(): number {
    return both.accepted + both.refused + alone.countersign + alone.openssl + alone.unexplained
  }

  function note({ code }: OwnVerdict): void {
    if (code !== null) byCode.set(code, (byCode.get(code) ?? 0) + 1)
  }

  return {
    agreed(own) {
      note(own)
      both[own.accepted ? 'accepted' : 'refused']++
    },
    differed(own, rule) {
      note(own)
      alone[rule?.refusedBy ?? 'unexplained']++
      if (rule !== null) byRule.set(rule.name, (byRule.get(rule.name) ?? 0) + 1)
    },
    generated,
    acceptedByBoth: () => both.accepted,
    refusedByBoth: () => both.refused,
    explainedBy: (name) => byRule.get(name) ?? 0,
    text: () =>
      [
        `${generated()} chains; both accept ${both.accepted}, both refuse ${both.refused}`,
        `refused by us alone ${alone.countersign}, by openssl alone ${alone.openssl}, unexplained ${alone.unexplained}`,
        ...lines(byRule),
        'refused by us with',
        ...lines(byCode),
      ].join('\n'),
  }
}

function lines(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([, a], [, b]) => b - a).map(([name, times]) => `${String(times).padStart(6)} ${name}`)
}
