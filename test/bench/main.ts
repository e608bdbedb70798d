// The benchmarks: `npm run bench -- [--quick] [--only NAME] [--breakdown] [--profile] [--write]`.
import { parseArgs } from 'node:util'
import { createMesh } from './credentials.js'
import { COMPARED_PARTS } from './guard-options.js'
import { breakdownBench, httpBench } from './http-bench.js'
import { machine } from './machine.js'
import { FULL_ROUNDS, profileVariant, QUICK_ROUNDS } from './rounds.js'
import { STACK_NAMES } from './stacks/stacks.js'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    breakdown: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = options.quick ? QUICK_ROUNDS : FULL_ROUNDS
const chosen = (name: string): boolean => name.includes(options.only)

console.log(`${machine()}\n`)
const mesh = createMesh()
for (const stack of STACK_NAMES.filter(chosen)) {
  if (options.profile) {
    const { functions } = await profileVariant(stack, 'countersign', mesh, rounds.warmUpRequests * 2)
    for (const { name, place, selfShare, ours } of functions.slice(0, 60)) console.log(`${(selfShare * 100).toFixed(2).padStart(6)} % ${ours ? '*' : ' '} ${name} (${place})`)
    const share = functions.filter(({ ours }) => ours).reduce((sum, { selfShare }) => sum + selfShare, 0)
    console.log(`ours: ${(share * 100).toFixed(2)} %`)
  } else if (options.breakdown) console.log(await breakdownBench(stack, COMPARED_PARTS, mesh, rounds))
  else console.log(await httpBench(stack, mesh, rounds))
  console.log()
}
