/**
 * Bytes of all fields of one format together, measured before anything is decoded. Real chains take 2 to 20 KB; servers limit all header
 * fields together to 8 to 64 KB (Node: 16 KB unless told otherwise).
 */
export const MAX_FORWARDED_BYTES = 65_536

/** The leaf and its intermediates. Real chains have two to four; whoever sends more makes work. */
export const MAX_FORWARDED_CERTIFICATES = 10

/** Octets of one Byte Sequence, decoded: what every parser has to take (RFC 9651 §3.3.5), and more than any proxy sends. */
export const MAX_BYTE_SEQUENCE_OCTETS = 16_384

/** Elements of `x-forwarded-client-cert`: one a proxy. More than a request ever passes. */
export const MAX_XFCC_ELEMENTS = 64

/** Pairs of one element: a certificate has 256 names at most (`MAX_NAMES`), and there are five other keys. */
export const MAX_XFCC_PAIRS = 300
