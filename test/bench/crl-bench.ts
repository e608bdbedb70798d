// What one reader makes of a long CRL. Runs in a process of its own, with --expose-gc: `crl-bench.js READER ENTRIES`.
import 'reflect-metadata'
import { parseRevocationList } from '@countersign/x509'
import { X509Crl } from '@peculiar/x509'
import { fromBER } from 'asn1js'
import { CertificateRevocationList } from 'pkijs'
import { createLongList, type LongList } from './crl-list.js'
import { median } from './statistics.js'

export interface CrlResult {
  readonly entries: number
  readonly derMb: number
  readonly loadMs: number
  /** Heap, external and array buffers, after a full collection. The bytes of the list are in it where they are kept. */
  readonly heldMb: number
  readonly hitNanos: number
  readonly missNanos: number
}

type Has = (serial: string) => boolean

const READERS: Readonly<Record<string, (der: Uint8Array) => Has>> = {
  countersign(der) {
    const list = parseRevocationList(der)
    return (serial) => list.lists(serial)
  },
  // Neither keeps an index: every look-up walks the entries.
  pkijs(der) {
    // By itself it reads no more than 10,000 elements, which are 3,300 entries.
    const { result } = fromBER(der as Uint8Array<ArrayBuffer>, { maxNodes: Number.MAX_SAFE_INTEGER, maxContentLength: der.length })
    const list = new CertificateRevocationList({ schema: result })
    return (serial) => {
      const wanted = Buffer.from(serial, 'hex')
      return (list.revokedCertificates ?? []).some(({ userCertificate }) => wanted.equals(userCertificate.valueBlock.valueHexView))
    }
  },
  peculiar(der) {
    const list = new X509Crl(der as Uint8Array<ArrayBuffer>)
    return (serial) => list.findRevoked(serial) !== null
  },
}

const LOOK_UP_MS = 300
const ROUNDS = 9

function measure(reader: string, count: number): CrlResult {
  const read = READERS[reader]
  if (read === undefined) throw new TypeError(`no reader ${reader}`)
  const list = createLongList(count)
  // So that nothing of the list itself is counted but what the reader keeps.
  const copy = Uint8Array.from(list.der)
  // Code is compiled once, not for each list: a short one first.
  read(createLongList(1000).der)
  const before = heldBytes() - copy.length
  const start = process.hrtime.bigint()
  const has = read(copy)
  const loadMs = Number(process.hrtime.bigint() - start) / 1e6
  const held = heldBytes() - before
  return {
    entries: count,
    derMb: copy.length / 1e6,
    loadMs,
    heldMb: held / 1e6,
    hitNanos: lookUp(has, list, count, true),
    missNanos: lookUp(has, list, count, false),
  }
}

function lookUp(has: Has, list: LongList, count: number, hit: boolean): number {
  const serials = Array.from({ length: 1024 }, (_, at) => (hit ? list.serialAt((at * 7919) % count) : list.absentAt(at * 7919)))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    let asked = 0
    // Few of the slow ones, many of the quick ones.
    for (const serial of serials) {
      if (has(serial) !== hit) throw new Error(`${serial} was ${hit ? 'not ' : ''}found`)
      asked++
      if (asked % 8 === 0 && Number(process.hrtime.bigint() - start) > (LOOK_UP_MS / ROUNDS) * 1e6) break
    }
    rounds.push(Number(process.hrtime.bigint() - start) / asked)
  }
  return median(rounds)
}

function heldBytes(): number {
  for (let time = 0; time < 4; time++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const [, , reader = '', entries = ''] = process.argv
process.send?.(measure(reader, Number(entries)))
