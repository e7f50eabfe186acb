/** Writes answers of other servers for the clients of this one, and the queries for them. */
import { readU32, writeU32 } from "../bytes.ts";
import { CLASS_IN, FLAG, HEADER_BYTES, OPT_BYTES, TYPE, UDP_BYTES } from "./constants.ts";
import { labelBytes, labelsOf } from "./domain-name.ts";
import { NO_PASSAGES, type Passages, passagesOption } from "./passages.ts";
import type { DnsQuery, Question } from "./query.ts";
import type { DnsAnswer } from "./record.ts";
import type { KeptAnswer } from "./response.ts";
import { writeResponse } from "./response-writer.ts";
import { soaOf } from "./zone.ts";

/**
 * The message that answers a query with what another server answered.
 *
 * @param zone the zone's origin, for the SOA record of a negative answer
 * @param age how long the answer was kept, whole seconds
 */
export function writeForwarded(
  bytes: Uint8Array,
  query: DnsQuery & { readonly question: Question },
  { answer, age, zone }: { readonly answer: KeptAnswer; readonly age: number; readonly zone: string },
  limit: number,
): Uint8Array {
  const { question, edns } = query;
  if (answer.negative && answer.answers === 0) {
    const soa = soaOf({ origin: zone, serial: 0 }, Math.max(0, answer.ttl - age));
    const authority = soa.data.type === "SOA" ? [{ ...soa, data: { ...soa.data, minimum: soa.ttl } }] : [];
    const none: DnsAnswer = { rcode: answer.rcode, owned: true, answers: [], authority, additional: [] };
    return withoutAuthority(writeResponse(bytes, query, none, limit));
  }
  const size = answer.bytes.length + (edns === null ? 0 : OPT_BYTES);
  const fits = size <= limit;
  const length = fits ? answer.bytes.length : question.end;
  const message = new Uint8Array(length + (edns === null ? 0 : OPT_BYTES));
  message.set(answer.bytes.subarray(0, length));
  if (fits) for (const at of answer.ttls) writeU32(message, at, Math.max(0, readU32(message, at) - age));
  message.set(bytes.subarray(HEADER_BYTES, question.end), HEADER_BYTES);
  const flags = FLAG.QR | FLAG.RA | query.flags | answer.rcode | (fits ? 0 : FLAG.TC);
  const words = [query.id, flags, 1, fits ? answer.answers : 0, 0, edns === null ? 0 : 1];
  for (const [index, word] of words.entries()) message.set([word >>> 8, word & 0xff], index * 2);
  if (edns !== null) {
    const opt = [
      0,
      0,
      TYPE.OPT,
      UDP_BYTES >>> 8,
      UDP_BYTES & 0xff,
      0,
      0,
      edns.wantsDnssec ? 0x80 : 0,
      0,
      0,
      0,
    ];
    message.set(opt, length);
  }
  return message;
}

/** Clears AA: the zone is another server's. */
function withoutAuthority(message: Uint8Array): Uint8Array {
  message[2] = (message[2] ?? 0) & ~(FLAG.AA >>> 8);
  return message;
}

/** A query for a name, recursive, with an OPT record if `edns` or there are passages. */
export function writeQuery(
  id: number,
  { name, type }: { name: string; type: number },
  edns: boolean,
  passages: Passages = NO_PASSAGES,
): Uint8Array {
  const option = passagesOption(passages);
  const hasOpt = edns || option.length > 0;
  const labels = labelsOf(name).map(labelBytes);
  const bytes = [id >>> 8, id & 0xff, FLAG.RD >>> 8, 0, 0, 1, 0, 0, 0, 0, 0, hasOpt ? 1 : 0];
  for (const label of labels) bytes.push(label.length, ...label);
  bytes.push(0, type >>> 8, type & 0xff, 0, CLASS_IN);
  if (hasOpt) {
    bytes.push(0, 0, TYPE.OPT, UDP_BYTES >>> 8, UDP_BYTES & 0xff, 0, 0, 0, 0);
    bytes.push(option.length >>> 8, option.length & 0xff, ...option);
  }
  return Uint8Array.from(bytes);
}
