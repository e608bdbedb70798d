import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthorizer, type Rule } from '@countersign/policy'
import fc from 'fast-check'
import { inboundOf, spiffe } from './principals.js'

const segment = fc.stringMatching(/^[a-zA-Z0-9_-]{1,6}$/)
const domain = fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/)
const id = fc
  .tuple(domain, fc.array(segment, { minLength: 1, maxLength: 3 }))
  .map(([name, segments]) => `spiffe://${name}/${segments.join('/')}`)
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const method = fc.constantFrom('GET', 'PUT', 'POST', 'HEAD')

const allows = (rules: readonly (string | Rule)[], caller: string, verb: string, target: string): boolean =>
  createAuthorizer(rules).authorize(spiffe(caller), inboundOf(verb), target) === null

test('a list of callers allows exactly those, whatever the others are', () => {
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 8 }), id, (callers, caller) => {
      assert.equal(allows(callers, caller, 'GET', '/'), callers.includes(caller))
      for (const one of callers) assert.equal(allows(callers, one, 'GET', '/'), true)
    }),
  )
})

test('nothing added to a SPIFFE ID, taken from it or changed in it is the same caller', () => {
  fc.assert(
    fc.property(id, fc.nat(), fc.string({ minLength: 1, maxLength: 4 }), (caller, at, text) => {
      const place = at % (caller.length + 1)
      const longer = caller.slice(0, place) + text + caller.slice(place)
      const changed = caller.slice(0, place) + text + caller.slice(place + text.length)
      const shorter = caller.slice(0, place) + caller.slice(place + 1)
      for (const other of [longer, changed, shorter]) if (other !== caller) assert.equal(allows([caller], other, 'GET', '/'), false, other)
    }),
  )
})

test('{ under } allows what is below by whole segments, as an oracle over segments says', () => {
  fc.assert(
    fc.property(
      path.filter((prefix) => prefix !== '/'),
      path,
      (prefix, target) => {
        const want = target.length > prefix.length && target.split('/').slice(0, prefix.split('/').length).join('/') === prefix
        assert.equal(allows([{ paths: { under: prefix } }], 'spiffe://d/a', 'GET', target), want)
        assert.equal(allows([{ paths: { under: prefix } }], 'spiffe://d/a', 'GET', `${prefix}/x`), true)
      },
    ),
  )
})

test('a list decides as each of its rules would alone: denied by one, or else allowed by one', () => {
  const rule = fc.record(
    {
      callers: fc.oneof(
        id.filter((name) => name.length > 0),
        domain.map((trustDomain) => ({ trustDomain })),
        fc.constant('spiffe://d/a'),
      ),
      methods: fc.uniqueArray(method, { minLength: 1 }),
      paths: fc.oneof(
        path,
        path.filter((text) => text !== '/').map((under) => ({ under })),
      ),
    },
    { requiredKeys: ['methods'] },
  )
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 6 }),
      fc.array(rule, { maxLength: 3 }),
      fc.oneof(id, fc.constant('spiffe://d/a')),
      method,
      path,
      (allowing, denying, caller, verb, target) => {
        const together = allows([...allowing, ...denying.map((one) => ({ ...one, deny: true as const }))], caller, verb, target)
        const allowed = allowing.some((one) => allows([one], caller, verb, target))
        const denied = denying.some(
          (one) => !allows(['spiffe://never/x', { methods: ['GET', 'PUT', 'POST', 'HEAD'] }, { ...one, deny: true }], caller, verb, target),
        )
        assert.equal(together, allowed && !denied)
      },
    ),
  )
})

test('no spelling that a lenient router reads as a denied path gets past the denial', () => {
  const spelling = fc
    .tuple(
      path.filter((text) => text !== '/'),
      fc.infiniteStream(fc.nat(3)),
    )
    .map(([text, dice]) => {
      const spelled = Array.from(text, (character) => {
        const roll = dice.next().value
        if (roll === 1) return character.toUpperCase()
        if (roll === 2) return character.toLowerCase()
        return roll === 3 && character !== '/' ? `%${character.charCodeAt(0).toString(16).padStart(2, '0')}` : character
      }).join('')
      return [text, dice.next().value === 1 ? `${spelled}/` : spelled] as const
    })
  fc.assert(
    fc.property(spelling, ([text, spelled]) => {
      assert.equal(allows([{ methods: 'GET' }, { paths: text, deny: true }], 'spiffe://d/a', 'GET', spelled), false)
    }),
  )
})
