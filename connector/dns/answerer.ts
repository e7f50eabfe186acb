/** Answers messages of clients from zones, and keeps the encoded answers until the zones change. */
import {
  FLAG,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  OPT_BYTES,
  RCODE,
  TYPE,
} from "../../protocol/dns/constants.ts";
import { circleError, type ExtendedError } from "../../protocol/dns/extended-error.ts";
import { writeForwarded } from "../../protocol/dns/forwarded-answer.ts";
import { isCircle, NO_PASSAGES, type Passages } from "../../protocol/dns/passages.ts";
import { type DnsQuery, type Question, readQuery } from "../../protocol/dns/query.ts";
import { bareAnswer, type DnsAnswer, failedAnswer } from "../../protocol/dns/record.ts";
import type { KeptAnswer } from "../../protocol/dns/response.ts";
import { udpLimit, writeResponse } from "../../protocol/dns/response-writer.ts";
import { allRecords, answerFromZone, type Zone, zoneOf } from "../../protocol/dns/zone.ts";

/** A zone that another server answers for. */
export interface ForwardedZone {
  readonly origin: string;
  /** The answer to a question about a name of the zone, or why there is none. Never rejects. */
  forward(question: Question, passages: Passages): ForwardedAnswer | Promise<ForwardedAnswer | ExtendedError>;
}

/** An answer of another server, and for how long it was kept, whole seconds. */
export interface ForwardedAnswer {
  readonly answer: KeptAnswer;
  readonly age: number;
}

export type Transport = "udp" | "tcp";

/** An answer; null for a message that gets none. A promise if another server has to be asked. */
export type Reply = Uint8Array | null | Promise<Uint8Array | null>;

/** Most names whose answers are kept. */
const MAX_NAMES = 10_000;

/** Most orders of one answer's records. */
const MAX_ORDERS = 8;

/** An answer, encoded in several orders of its records, for queries that differ in id, flags and case alone. */
interface Encoded {
  readonly orders: readonly Uint8Array[];
  next: number;
}

export class Answerer {
  readonly #passage: string;
  #zones: readonly Zone[] = [];
  #forwarded: readonly ForwardedZone[] = [];
  /** By name, and then by type and form of the query. */
  readonly #encoded = new Map<string, Map<number, Encoded>>();
  /** Counts the answers that were not encoded before. */
  #turn = 0;

  /** @param passage that of this connector, by which it knows questions that it has forwarded */
  constructor(passage = "") {
    this.#passage = passage;
  }

  /** Replaces the zones. */
  setZones(zones: readonly Zone[], forwarded: readonly ForwardedZone[] = []): void {
    this.#zones = zones;
    this.#forwarded = forwarded;
    this.clear();
  }

  /** Call this when the content of a zone has changed. */
  clear(): void {
    this.#encoded.clear();
  }

  /** Answers a message of a client. Never throws. */
  reply(bytes: Uint8Array, transport: Transport): Reply {
    const query = readQuery(bytes);
    if (query === null) return null;
    const limit = transport === "udp" ? udpLimit(query) : MAX_MESSAGE_BYTES;
    const { question, refusal } = query;
    if (question === null || refusal !== null)
      return writeResponse(bytes, query, bareAnswer(refusal ?? RCODE.FORMERR), limit);
    const encoded = this.#encoded.get(question.name)?.get(formOf(query, question));
    const order = encoded?.orders[encoded.next];
    if (encoded !== undefined && order !== undefined && order.length <= limit) {
      encoded.next = (encoded.next + 1) % encoded.orders.length;
      return adapted(order, bytes, query, question);
    }
    const zone = zoneOf<Zone | ForwardedZone>([...this.#zones, ...this.#forwarded], question.name);
    // A server that answered for names of others would hide them.
    if (zone === undefined) return writeResponse(bytes, query, bareAnswer(RCODE.REFUSED), limit);
    if ("forward" in zone) return this.#forward(zone, bytes, { ...query, question }, limit);
    const answer = answerFromZone(zone, question);
    if (encoded === undefined) this.#keep(bytes, query, question, answer);
    return writeResponse(bytes, query, inOrder(answer, this.#turn++), limit);
  }

  #forward(
    zone: ForwardedZone,
    bytes: Uint8Array,
    query: DnsQuery & { readonly question: Question },
    limit: number,
  ): Reply {
    const { question, edns } = query;
    const write = (answer: DnsAnswer) => writeResponse(bytes, query, answer, limit);
    // ANY would be an amplifier, and no cache can answer it.
    if (question.type === TYPE.ANY) {
      return write({ ...bareAnswer(RCODE.NOERROR), answers: [allRecords(question.name)] });
    }
    const passages = edns?.passages ?? NO_PASSAGES;
    if (isCircle(passages, this.#passage)) return write(failedAnswer(circleError(zone.origin)));
    const found = zone.forward(question, passages);
    const writeFound = (result: ForwardedAnswer | ExtendedError) =>
      "answer" in result
        ? writeForwarded(bytes, query, { ...result, zone: zone.origin }, limit)
        : write(failedAnswer(result));
    return found instanceof Promise ? found.then(writeFound) : writeFound(found);
  }

  #keep(bytes: Uint8Array, query: DnsQuery, question: Question, answer: DnsAnswer): void {
    // Names that do not exist are without number, and what is not known yet changes soon.
    if (answer.rcode !== RCODE.NOERROR) return;
    if (this.#encoded.size >= MAX_NAMES) this.#encoded.clear();
    const ofName = this.#encoded.get(question.name) ?? new Map<number, Encoded>();
    const count = Math.max(1, Math.min(answer.answers.length, MAX_ORDERS));
    const step = Math.floor(answer.answers.length / count);
    const orders = Array.from({ length: count }, (_, order) =>
      writeResponse(bytes, query, inOrder(answer, order * step), MAX_MESSAGE_BYTES),
    );
    ofName.set(formOf(query, question), { orders, next: count > 1 ? 1 : 0 });
    this.#encoded.set(question.name, ofName);
  }
}

/** The type of the question, and whether the answer has an OPT record. */
const formOf = ({ edns }: DnsQuery, { type }: Question): number => type * 2 + (edns === null ? 0 : 1);

/** The answer with another record first: clients take the first one, and a cut answer loses the last ones. */
function inOrder(answer: DnsAnswer, turn: number): DnsAnswer {
  const { answers } = answer;
  if (answers.length < 2) return answer;
  const first = turn % answers.length;
  return { ...answer, answers: [...answers.slice(first), ...answers.slice(0, first)] };
}

/** A copy of an encoded answer with the id, the flags, the DO bit and the spelling of a query. */
function adapted(encoded: Uint8Array, bytes: Uint8Array, query: DnsQuery, question: Question): Uint8Array {
  const copy = encoded.slice();
  const repeated = FLAG.RD | FLAG.CD;
  const flags = (((copy[2] ?? 0) << 8) | (copy[3] ?? 0)) & ~repeated;
  const { id, edns } = query;
  copy[0] = id >>> 8;
  copy[1] = id;
  copy[2] = (flags | query.flags) >>> 8;
  copy[3] = flags | query.flags;
  copy.set(bytes.subarray(HEADER_BYTES, question.end), HEADER_BYTES);
  // The OPT record is the last one; its DO bit is the first of its flags.
  if (edns !== null) copy[copy.length - OPT_BYTES + 7] = edns.wantsDnssec ? 0x80 : 0;
  return copy;
}
