/** Numbers of the DNS protocol that this project uses, by their names in IANA's registry. */

/** Types of records and of questions. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** The class of every record here. */
export const CLASS_IN = 1;

/** Response codes. BADVERS needs the extended bits of an OPT record. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

/** Bits of the second 16-bit word of a header. */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** Bytes of the header. */
export const HEADER_BYTES = 12;

/** The longest message: the length in front of it, over TCP, has 16 bits. */
export const MAX_MESSAGE_BYTES = 65_535;

/** The longest UDP message for a client without EDNS (RFC 1035 §2.3.4), bytes. */
export const PLAIN_UDP_BYTES = 512;

/** The longest UDP message that this side sends or asks for (RFC 9715), bytes. It fits into every path's packets. */
export const UDP_BYTES = 1232;

/** Bytes of an OPT record without options. */
export const OPT_BYTES = 11;
