/** Writes answers to queries, with names compressed (RFC 1035 §4.1.4). */
import { writeU32 } from "../bytes.ts";
import { CLASS_IN, FLAG, HEADER_BYTES, MAX_MESSAGE_BYTES, OPT_BYTES, TYPE, UDP_BYTES } from "./constants.ts";
import { labelBytes, labelsOf } from "./domain-name.ts";
import { extendedErrorOption } from "./extended-error.ts";
import type { DnsQuery, Edns } from "./query.ts";
import type { DnsAnswer, DnsRecord, RecordData } from "./record.ts";

/** Highest offset that a pointer has room for. */
const MAX_POINTER = 0x3fff;

/**
 * The message that answers a query. Records of the additional section that do not fit are left out. Records of the
 * others that do not fit set TC, upon which the client asks again over TCP.
 *
 * @param bytes the query, whose question is repeated as it is, so that its upper and lower case stay (0x20)
 * @param limit the most bytes of the message
 */
export function writeResponse(
  bytes: Uint8Array,
  query: DnsQuery,
  answer: DnsAnswer,
  limit: number,
): Uint8Array {
  const writer = new Writer(Math.min(limit, MAX_MESSAGE_BYTES));
  const { question, edns } = query;
  let flags = FLAG.QR | query.flags | (answer.rcode & 0xf);
  if (answer.owned) flags |= FLAG.AA | FLAG.RA;
  if (question !== null) writer.question(bytes.subarray(HEADER_BYTES, question.end), question.name);
  const option = edns === null || answer.error === undefined ? [] : extendedErrorOption(answer.error);
  const room = edns === null ? 0 : OPT_BYTES + option.length;
  const answers = writer.records(answer.answers, room);
  const isWhole = answers === answer.answers.length;
  const authority = isWhole ? writer.records(answer.authority, room) : 0;
  const fits = isWhole && authority === answer.authority.length;
  const additional = fits ? writer.records(answer.additional, room) : 0;
  if (!fits) flags |= FLAG.TC;
  if (edns !== null) writer.opt(edns, answer.rcode >> 4, option);
  const counts = [question === null ? 0 : 1, answers, authority, additional + (edns === null ? 0 : 1)];
  return writer.finish(query.id, flags, counts);
}

/** The most bytes of an answer over UDP. */
export function udpLimit({ edns }: DnsQuery): number {
  return edns === null ? 512 : Math.min(edns.udpBytes, UDP_BYTES);
}

class Writer {
  readonly #limit: number;
  #bytes = new Uint8Array(512);
  #at = HEADER_BYTES;
  /** Offsets of the names, and of the ends of names, that are written. */
  readonly #names = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  question(bytes: Uint8Array, name: string): void {
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#at);
    let rest = name;
    let at = this.#at;
    for (const label of labelsOf(name)) {
      this.#names.set(rest, at);
      at += (bytes[at - this.#at] ?? 0) + 1;
      rest = rest.slice(label.length + 1);
    }
    this.#at += bytes.length;
  }

  /** Writes records up to the first that does not fit with `room` bytes behind it. Returns their number. */
  records(records: readonly DnsRecord[], room: number): number {
    let count = 0;
    for (const record of records) {
      const start = this.#at;
      this.#record(record);
      if (this.#at + room > this.#limit) {
        this.#at = start;
        for (const [name, at] of this.#names) if (at >= start) this.#names.delete(name);
        break;
      }
      count++;
    }
    return count;
  }

  opt({ wantsDnssec }: Edns, extendedRcode: number, options: readonly number[]): void {
    this.#need(OPT_BYTES + options.length);
    this.#byte(0);
    this.#word(TYPE.OPT);
    this.#word(UDP_BYTES);
    this.#byte(extendedRcode);
    this.#byte(0);
    this.#word(wantsDnssec ? 0x8000 : 0);
    this.#word(options.length);
    for (const byte of options) this.#byte(byte);
  }

  finish(id: number, flags: number, counts: readonly number[]): Uint8Array {
    const end = this.#at;
    this.#at = 0;
    for (const word of [id, flags, ...counts]) this.#word(word);
    return this.#bytes.slice(0, end);
  }

  #record({ name, ttl, data }: DnsRecord): void {
    this.#name(name);
    this.#need(10);
    this.#word(TYPE[data.type]);
    this.#word(CLASS_IN);
    writeU32(this.#bytes, this.#at, ttl);
    this.#at += 4;
    const length = this.#at;
    this.#at += 2;
    this.#data(data);
    const size = this.#at - length - 2;
    this.#bytes[length] = size >>> 8;
    this.#bytes[length + 1] = size;
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case "A":
      case "AAAA":
        this.#need(data.address.length);
        for (const byte of data.address) this.#byte(byte);
        return;
      case "NS":
      case "PTR":
        this.#name(data.host);
        return;
      case "SRV":
        this.#need(6);
        this.#word(data.priority);
        this.#word(data.weight);
        this.#word(data.port);
        // Never compressed (RFC 2782).
        this.#name(data.host, false);
        return;
      case "SOA": {
        const { serial, refresh, retry, expire, minimum } = data;
        this.#name(data.server);
        this.#name(data.mailbox);
        this.#need(20);
        for (const value of [serial, refresh, retry, expire, minimum]) {
          writeU32(this.#bytes, this.#at, value);
          this.#at += 4;
        }
        return;
      }
      case "TXT":
        this.#text(data.text);
        return;
      case "HINFO":
        this.#text(data.cpu);
        this.#text(data.os);
    }
  }

  #text(text: string): void {
    this.#need(text.length + 1);
    this.#byte(text.length);
    for (let at = 0; at < text.length; at++) this.#byte(text.charCodeAt(at));
  }

  #name(name: string, compress = true): void {
    let rest = name;
    for (const label of labelsOf(name)) {
      const known = compress ? this.#names.get(rest) : undefined;
      if (known !== undefined) {
        this.#need(2);
        this.#word(0xc000 | known);
        return;
      }
      if (this.#at <= MAX_POINTER && !this.#names.has(rest)) this.#names.set(rest, this.#at);
      const bytes = labelBytes(label);
      this.#need(bytes.length + 1);
      this.#byte(bytes.length);
      for (const byte of bytes) this.#byte(byte);
      rest = rest.slice(label.length + 1);
    }
    this.#need(1);
    this.#byte(0);
  }

  #need(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  #word(value: number): void {
    this.#byte(value >>> 8);
    this.#byte(value & 0xff);
  }
}
