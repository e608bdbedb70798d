import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { FORWARDED_FORMATS } from '@countersign/x509'
import { ROOT } from '../house/root.js'
import { GUIDE } from '../proxies/guide.js'

/** Cells of the guide's table, by the name of the format. */
function rowsOfGuide(): Map<string, readonly string[]> {
  const text = readFileSync(join(ROOT, GUIDE), 'utf8')
  const [, table = ''] = /<!-- formats -->\n([\s\S]*?)<!-- \/formats -->/.exec(text) ?? []
  return new Map([...table.matchAll(/^\| `([a-z0-9-]+)` \| (.+) \|$/gm)].map(([, name = '', rest = '']) => [name, rest.split(' | ')]))
}

test('the guide has every format, with the provenance, the fields and the basis that the code has', () => {
  const rows = rowsOfGuide()
  assert.deepEqual([...rows.keys()].sort(), [...FORWARDED_FORMATS.keys()].sort())
  for (const { name, provenance, basis, fields } of FORWARDED_FORMATS.values()) {
    const [statedProvenance, statedFields = '', statedBasis, trap = ''] = rows.get(name) ?? []
    assert.deepEqual({ name, provenance: statedProvenance, basis: statedBasis }, { name, provenance, basis })
    // Of a row of numbered fields the first one stands for all.
    for (const [role, field] of Object.entries(fields).filter(([role]) => !/[1-9]$/.test(role)))
      assert.ok(
        statedFields.includes(`${role}: \`${field}\``) || statedFields.includes(`${role} to chain3: \`${field}\``),
        `${name}: ${role}`,
      )
    assert.notEqual(trap, '', name)
  }
})
