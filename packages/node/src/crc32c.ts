/** The polynomial of CRC-32C (Castagnoli), its bits reversed. */
const POLYNOMIAL = 0x82f63b78

/** The checksum of RFC 9260 Appendix A, which the PROXY protocol uses too. Without a table: it is asked for once a connection at most. */
export function crc32cOf(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1))
  }
  return ~crc >>> 0
}
