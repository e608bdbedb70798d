// Compares with jose on as many tokens as are asked for: `node test/dist/jose/main.js [count] [seed]`.
import { compareWithJose, textOf } from './run.js'

const [count = 1_000_000, seed = 1] = process.argv.slice(2).map(Number)
const outcome = await compareWithJose(count, seed)
console.log(textOf(outcome))
process.exitCode = outcome.unexplained.length === 0 ? 0 : 1
