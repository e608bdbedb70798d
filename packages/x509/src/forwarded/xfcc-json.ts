import { isJsonArray, isJsonObject, isRefusal, type JsonValue, parseJson, type Refusal } from '@countersign/core'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { MAX_XFCC_ELEMENTS, MAX_XFCC_PAIRS } from './limits.js'
import { malformed, tooLarge } from './refusals.js'
import { evidenceFromElements } from './xfcc.js'
import type { XfccPair } from './xfcc-elements.js'

/** Keys whose value may be a list of texts. */
const LISTS: ReadonlySet<string> = new Set(['by', 'uri', 'dns'])
const SINGLE: ReadonlySet<string> = new Set(['hash', 'cert', 'chain', 'subject'])

/**
 * Reads `x-forwarded-client-cert` in the JSON form of Envoy (`set_client_cert_format`): an array of one object a proxy, the nearest one
 * last. Everything said of {@link parseXfcc} holds here too.
 *
 * The names of the members were not seen in Envoy itself: those of the text form in lower case are read, `by`, `uri` and `dns` with one
 * text or a list of them, and what is anything else is refused. No member name may come twice.
 *
 * @param hops How many trusted proxies append an element.
 */
export function parseXfccJson(value: string | null | undefined, hops = 1): ForwardedResult {
  const text = fieldText(value, 'xfcc')
  if (isRefusal(text)) return text
  if (text === '') return null
  const json = parseJson(text)
  if (!isJsonArray(json)) return malformed('xfcc', 'json')
  if (json.length > MAX_XFCC_ELEMENTS) return tooLarge('xfcc', 'elements')
  const elements: (readonly XfccPair[])[] = []
  for (const item of json) {
    const pairs = pairsFrom(item)
    if (isRefusal(pairs)) return pairs
    elements.push(pairs)
  }
  return elements.length === 0 ? null : evidenceFromElements(elements, hops)
}

function pairsFrom(item: JsonValue): readonly XfccPair[] | Refusal {
  if (!isJsonObject(item)) return malformed('xfcc', 'json')
  const pairs: XfccPair[] = []
  for (const [name, value] of Object.entries(item)) {
    const key = name.toLowerCase()
    if (!LISTS.has(key) && !SINGLE.has(key)) continue
    // JSON tells names apart by case: one that Envoy does not write may be somebody else's.
    if (name !== key) return malformed('xfcc', 'pair')
    const list = LISTS.has(key) && isJsonArray(value) ? value : [value]
    if (pairs.length + list.length > MAX_XFCC_PAIRS) return tooLarge('xfcc', 'elements')
    for (const text of list) {
      if (typeof text !== 'string') return malformed('xfcc', 'pair')
      pairs.push([key, text])
    }
  }
  return pairs
}
