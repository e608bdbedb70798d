import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type OwnVerdict, ownVerdict } from './countersign.js'
import { armor } from './der.js'
import { createKeyPool } from './keys.js'
import { type OpensslVerdict, opensslVerdicts } from './openssl.js'
import { type Difference, RULES } from './rules.js'
import { createWorld, type World } from './world.js'

const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_126)
const WORLDS = Number(process.env['COUNTERSIGN_WORLDS'] ?? 1700)
/** One world alone, with its certificates printed: to look at a case again. */
const ONLY = process.env['COUNTERSIGN_WORLD']
/** Processes of openssl at a time. */
const CONCURRENCY = 2
const SHOWN = 12

interface Tally {
  generated: number
  acceptedByBoth: number
  refusedByBoth: number
  readonly byRule: Map<string, number>
  readonly codes: Map<string, number>
  readonly unexplained: string[]
}

test(`chains of seed ${SEED} are judged as openssl verify judges them, but for what the rules say`, async () => {
  const keys = createKeyPool()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-chains-'))
  const tally: Tally = { generated: 0, acceptedByBoth: 0, refusedByBoth: 0, byRule: new Map(), codes: new Map(), unexplained: [] }
  const indexes = ONLY === undefined ? Array.from({ length: WORLDS }, (_, index) => index) : [Number(ONLY)]
  async function judgeNext(): Promise<void> {
    for (let index = indexes.shift(); index !== undefined; index = indexes.shift()) {
      const world = createWorld(SEED, index, keys)
      const pending = opensslVerdicts(world, folder)
      const own = world.leaves.map((leaf) => ownVerdict(world, leaf))
      const theirs = await pending
      for (const [at, verdict] of own.entries()) count(tally, world, at, verdict, theirs[at])
      if (ONLY !== undefined) show(world, own, theirs)
    }
  }
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, judgeNext))
  } finally {
    rmSync(folder, { recursive: true })
  }
  report(tally)
  assert.deepEqual(tally.unexplained.slice(0, SHOWN), [], `${tally.unexplained.length} differences that no rule explains`)
  if (ONLY !== undefined || WORLDS < 1700) return
  assert.ok(tally.generated >= 10_000, `only ${tally.generated} chains`)
  assert.ok(tally.acceptedByBoth >= 3000 && tally.refusedByBoth >= 3000, 'too few of one kind: the comparison says little')
  assert.deepEqual(
    RULES.filter(({ name }) => !tally.byRule.has(name)).map(({ name }) => name),
    [],
    'rules that explain nothing',
  )
})

function count(tally: Tally, world: World, at: number, own: OwnVerdict, theirs: OpensslVerdict | undefined): void {
  if (theirs === undefined) throw new RangeError('a leaf that openssl was not asked about')
  tally.generated++
  if (own.code !== null) tally.codes.set(own.code, (tally.codes.get(own.code) ?? 0) + 1)
  if (own.accepted === theirs.accepted) {
    if (own.accepted) tally.acceptedByBoth++
    else tally.refusedByBoth++
    return
  }
  const difference: Difference = {
    refusedBy: own.accepted ? 'openssl' : 'countersign',
    labels: [...world.labels, ...(world.leaves[at]?.labels ?? [])],
    settings: world.settings,
    code: own.code,
    facts: own.facts,
    errors: theirs.errors,
  }
  const rule = RULES.find(({ refusedBy, explains }) => refusedBy === difference.refusedBy && explains(difference))
  if (rule !== undefined) tally.byRule.set(rule.name, (tally.byRule.get(rule.name) ?? 0) + 1)
  else tally.unexplained.push(`COUNTERSIGN_SEED=${SEED} COUNTERSIGN_WORLD=${world.index}, leaf ${at}: ${JSON.stringify(difference)}`)
}

function report({ generated, acceptedByBoth, refusedByBoth, byRule, codes, unexplained }: Tally): void {
  const lines = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts].sort(([, a], [, b]) => b - a).map(([name, times]) => `${String(times).padStart(6)} ${name}`)
  const differences = [...byRule.values()].reduce((sum, times) => sum + times, 0)
  const openssl = RULES.filter(({ refusedBy }) => refusedBy === 'openssl').reduce((sum, { name }) => sum + (byRule.get(name) ?? 0), 0)
  console.log(
    [
      `seed ${SEED}: ${generated} chains; both accept ${acceptedByBoth}, both refuse ${refusedByBoth}`,
      `${differences} differ by a rule: ${differences - openssl} refused by us alone, ${openssl} by openssl alone; ${unexplained.length} unexplained`,
      ...lines(byRule),
      'refused by us with',
      ...lines(codes),
    ].join('\n'),
  )
}

function show(world: World, own: readonly OwnVerdict[], theirs: readonly OpensslVerdict[]): void {
  console.log(JSON.stringify({ settings: world.settings, labels: world.labels }, null, 1))
  for (const [at, leaf] of world.leaves.entries())
    console.log(JSON.stringify({ at, labels: leaf.labels, own: own[at], openssl: theirs[at] }))
  const blocks = (title: string, ders: readonly Uint8Array[]) => `# ${title}\n${ders.map((der) => armor(der)).join('')}`
  console.log(blocks('anchors', world.anchors), blocks('untrusted', world.untrusted))
  console.log(
    blocks(
      'leaves',
      world.leaves.map(({ der }) => der),
    ),
  )
}
