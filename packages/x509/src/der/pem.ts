const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----$/
// RFC 7468 §3: the alphabet of base64 with its padding, nothing else.
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Octets of a line, on average, in a text of more than so many lines: RFC 7468 §2 has 64. Each line costs more than its octets. */
const MIN_LINE = 32
const FREE_LINES = 10_000

interface Block {
  readonly label: string
  readonly body: string
}

/**
 * Reads a PEM file (RFC 7468): every block with this label, decoded. Text between the blocks and blocks with other labels are passed over.
 *
 * @param label Such as `CERTIFICATE` or `X509 CRL`.
 * @returns `null` if a block is damaged: no end, another end, or no strict base64. A file that is being written looks like that.
 */
export function pemBlocks(text: string, label: string): readonly Uint8Array[] | null {
  const found = splitBlocks(text)
  if (found === null) return null
  const decoded = found.blocks.filter((block) => block.label === label).map((block) => decodeBase64(block.body))
  return decoded.every((der) => der !== null) ? decoded : null
}

/** The one block of a text that holds no other, and nothing after it; `null` for anything else. */
export function onlyPemBlock(text: string, label: string): Uint8Array | null {
  const found = splitBlocks(text)
  const [block, second] = found?.blocks ?? []
  if (block === undefined || second !== undefined || block.label !== label || found?.trailing !== false) return null
  return decodeBase64(block.body)
}

/** Text that somebody put where a path belongs. */
export function looksLikePem(text: string): boolean {
  return text.includes('-----BEGIN')
}

function splitBlocks(text: string): { readonly blocks: readonly Block[]; readonly trailing: boolean } | null {
  if (hasTooManyLines(text)) return null
  const blocks: Block[] = []
  let label: string | null = null
  let body: string[] = []
  let trailing = false
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    const [, word, name = ''] = BOUNDARY.exec(line) ?? []
    if (word === 'BEGIN') {
      if (label !== null) return null
      label = name
      body = []
      trailing = false
    } else if (word === 'END') {
      if (label !== name) return null
      blocks.push({ label: name, body: body.join('') })
      label = null
    } else if (label !== null) body.push(line)
    else if (line.includes('-----BEGIN') || line.includes('-----END')) return null
    else if (line !== '') trailing = true
  }
  return label === null ? { blocks, trailing } : null
}

function hasTooManyLines(text: string): boolean {
  let left = FREE_LINES + text.length / MIN_LINE
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) if (--left < 0) return true
  return false
}

/** Strict: the alphabet, the padding, and no bits that decoding would drop. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text === '' || text.length % 4 !== 0 || !BASE64.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null
}
