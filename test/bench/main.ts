// The benchmarks: `npm run bench -- [--quick] [--only NAME] [--breakdown] [--profile] [--write]`.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createMesh } from './credentials.js'
import { COMPARED_PARTS } from './guard-options.js'
import { breakdownBench, httpBench } from './http-bench.js'
import { inProcessReport } from './in-process-report.js'
import { issueReport } from './issue-report.js'
import { machine } from './machine.js'
import { connectionReport, floodReport } from './memory-report.js'
import { oauthReport } from './oauth-report.js'
import { profileReport } from './profile-report.js'
import { report, type Section } from './report.js'
import { revocationReport } from './revocation-report.js'
import { FULL_ROUNDS, QUICK_ROUNDS } from './rounds.js'
import { STACK_NAMES } from './stacks/stacks.js'
import { tokenReport } from './token-report.js'
import { x509Report } from './x509-report.js'

const REPORT = new URL('../../../docs/benchmarks.md', import.meta.url)

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    breakdown: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

if (options.write && (options.quick || options.only !== '' || options.breakdown || options.profile)) {
  throw new TypeError('--write writes the whole report of a full run: it goes with no other option')
}

const { quick } = options
const rounds = quick ? QUICK_ROUNDS : FULL_ROUNDS
const taken = machine()
const mesh = createMesh()

const http: readonly Section[] = STACK_NAMES.map((stack) => ({
  name: stack,
  run: () =>
    options.profile
      ? profileReport(stack, mesh)
      : options.breakdown
        ? breakdownBench(stack, COMPARED_PARTS, mesh, rounds)
        : httpBench(stack, mesh, rounds),
}))
const sections: readonly Section[] =
  options.breakdown || options.profile
    ? http
    : [
        ...http,
        { name: 'in-process', run: () => inProcessReport(quick) },
        { name: 'floods', run: () => floodReport(quick) },
        { name: 'connections', run: () => connectionReport(mesh, quick) },
        { name: 'x509', run: () => x509Report(quick) },
        { name: 'token', run: () => tokenReport(quick) },
        { name: 'issue', run: () => issueReport(quick) },
        { name: 'revocations', run: () => revocationReport(quick) },
        { name: 'oauth', run: () => oauthReport(mesh, rounds) },
      ]
const chosen = sections.filter(({ name }) => name.includes(options.only))
if (chosen.length === 0)
  throw new TypeError(`nothing is named like ${options.only}: there are ${sections.map(({ name }) => name).join(', ')}`)

console.log(`${taken}\n`)
const texts = new Map<string, string>()
for (const { name, run } of chosen) {
  const text = await run()
  texts.set(name, text)
  console.log(`${name}\n\n${text}\n`)
}
if (options.write) writeFileSync(REPORT, report(taken, texts))
