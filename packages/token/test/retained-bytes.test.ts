import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type JsonObject, parseJsonObject } from '@countersign/core'
import { retainedBytes } from '../dist/retained-bytes.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapUsed(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const SHAPES: Readonly<Record<string, (index: number) => unknown>> = {
  'usual claims': (index) => ({
    iss: 'https://issuer.example',
    sub: `s${index}`,
    aud: ['a', 'b'],
    exp: index,
    cnf: { 'x5t#S256': 'A'.repeat(43) },
  }),
  'empty objects': () => ({ list: Array.from({ length: 300 }, () => ({})) }),
  'empty lists': () => ({ list: Array.from({ length: 300 }, () => []) }),
  'members that no other token has': (index) =>
    Object.fromEntries(Array.from({ length: 100 }, (_, member) => [`${index}-${member}`, true])),
  numbers: (index) => ({ list: Array.from({ length: 500 }, (_, item) => index + item) }),
  'long texts': (index) => ({ text: `${index}`.padStart(4000, 'x') }),
}

for (const [name, make] of Object.entries(SHAPES)) {
  test(`estimates no less than is taken by ${name}`, () => {
    const texts = Array.from({ length: 1000 }, (_, index) => Buffer.from(JSON.stringify(make(index))))
    const kept: (JsonObject | null)[] = new Array(texts.length).fill(null)
    const before = heapUsed()
    for (const [index, text] of texts.entries()) kept[index] = parseJsonObject(text)
    const taken = heapUsed() - before
    const estimated = kept.reduce((sum, claims) => sum + retainedBytes(claims), 0)
    assert(estimated >= taken * 0.9, `${estimated} estimated, ${taken} taken`)
  })
}
