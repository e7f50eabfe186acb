/** Queries, as a server reads them (docs/protocol.md, "DNS"). */
import { CLASS_IN, FLAG, HEADER_BYTES, PLAIN_UDP_BYTES, RCODE, TYPE } from "./constants.ts";
import { readName, skipName } from "./domain-name.ts";
import { findOption } from "./options.ts";
import { NO_PASSAGES, PASSAGES_OPTION, type Passages, readPassages } from "./passages.ts";

/** What a client's OPT record says (RFC 6891). */
export interface Edns {
  /** The longest UDP message that the client takes, bytes; at least 512. */
  readonly udpBytes: number;
  /** The DO bit (RFC 3225), which an answer repeats. Nothing here is signed. */
  readonly wantsDnssec: boolean;
  /** The connectors that have forwarded the question. */
  readonly passages: Passages;
}

/** The question of a query. */
export interface Question {
  /** In lower case. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Offset of the byte behind the question. It begins behind the header. */
  readonly end: number;
}

/** A query, as much as an answer needs of it. */
export interface DnsQuery {
  readonly id: number;
  /** The flags that an answer repeats: RD and CD, and the opcode's bits. */
  readonly flags: number;
  /** Null if an answer cannot repeat the question. */
  readonly question: Question | null;
  readonly edns: Edns | null;
  /** The response code that the query has earned by its form; null for a query that can be answered. */
  readonly refusal: number | null;
}

const OPCODE = 0x7800;

/** Reads a query. Null for a message that gets no answer: an answer, or bytes too few for a header. */
export function readQuery(bytes: Uint8Array): DnsQuery | null {
  if (bytes.length < HEADER_BYTES) return null;
  const word = (at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const flags = word(2);
  // Two servers that answered each other's answers would do so for ever.
  if ((flags & FLAG.QR) !== 0) return null;
  const query = { id: word(0), flags: flags & (OPCODE | FLAG.RD | FLAG.CD), question: null, edns: null };
  // The sections of other opcodes mean something else, so nothing of them is repeated.
  if ((flags & OPCODE) !== 0) return { ...query, refusal: RCODE.NOTIMP };
  if (word(4) !== 1) return { ...query, refusal: RCODE.FORMERR };
  const name = readName(bytes, HEADER_BYTES, false);
  if (name === null || name.end + 4 > bytes.length) return { ...query, refusal: RCODE.FORMERR };
  const question: Question = {
    name: name.text,
    type: word(name.end),
    class: word(name.end + 2),
    end: name.end + 4,
  };
  const known = { ...query, question };
  // An IXFR names the version that the client has in one record of the authority section (RFC 1995 §3).
  const authority = word(8);
  const isPlain = word(6) === 0 && (authority === 0 || (authority === 1 && question.type === TYPE.IXFR));
  const edns = isPlain ? readAdditional(bytes, question.end, authority, word(10)) : undefined;
  if (edns === undefined || question.type === TYPE.OPT) return { ...known, refusal: RCODE.FORMERR };
  if (edns === null) return { ...known, refusal: refusalOf(question) };
  const { version, ...rest } = edns;
  return { ...known, edns: rest, refusal: version === 0 ? refusalOf(question) : RCODE.BADVERS };
}

function refusalOf({ type, class: of }: Question): number | null {
  if (of !== CLASS_IN) return RCODE.REFUSED;
  // Transfers, and what only a transaction key makes sense of.
  return type >= TYPE.TKEY && type <= TYPE.AXFR ? RCODE.REFUSED : null;
}

/** The OPT record behind the question, null if there is none; undefined if the records are malformed. */
function readAdditional(
  bytes: Uint8Array,
  from: number,
  before: number,
  count: number,
): (Edns & { readonly version: number }) | null | undefined {
  let edns: (Edns & { readonly version: number }) | null = null;
  let at = from;
  for (let record = 0; record < before + count; record++) {
    const fields = skipName(bytes, at);
    if (fields < 0 || fields + 10 > bytes.length) return undefined;
    const word = (offset: number) => ((bytes[fields + offset] ?? 0) << 8) | (bytes[fields + offset + 1] ?? 0);
    const data = fields + 10;
    const end = data + word(8);
    if (end > bytes.length) return undefined;
    if (word(0) === TYPE.OPT) {
      // The owner is the root, and there is one of them (RFC 6891 §6.1.1).
      if (edns !== null || record < before || bytes[at] !== 0) return undefined;
      // The contents of other options do not matter here: cookies, client subnets, padding.
      const passages = findOption(bytes, { from: data, to: end }, PASSAGES_OPTION);
      if (passages === undefined) return undefined;
      edns = {
        udpBytes: Math.max(PLAIN_UDP_BYTES, word(2)),
        version: bytes[fields + 5] ?? 0,
        wantsDnssec: (word(6) & 0x8000) !== 0,
        passages: passages === null ? NO_PASSAGES : readPassages(passages),
      };
    }
    at = end;
  }
  return at === bytes.length ? edns : undefined;
}
