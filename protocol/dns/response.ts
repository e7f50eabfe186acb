/** Answers of other servers: checked, and passed on to clients without knowing every type of record. */
import { readU32, writeU32 } from "../bytes.ts";
import { CLASS_IN, FLAG, HEADER_BYTES, RCODE, TYPE } from "./constants.ts";
import { isWithin, readName, skipName } from "./domain-name.ts";
import { EXTENDED_ERROR_OPTION, type ExtendedError, readExtendedError } from "./extended-error.ts";
import { findOption } from "./options.ts";

/** A record of the answer section. */
interface AnswerRecord {
  readonly name: string;
  readonly type: number;
  /** Offset of the name. */
  readonly at: number;
  /** Offset of the TTL. */
  readonly ttlAt: number;
  /** Offsets of the data and behind it. */
  readonly from: number;
  readonly to: number;
}

/** An answer as a server sent it. */
export interface DnsResponse {
  readonly id: number;
  readonly rcode: number;
  readonly truncated: boolean;
  /** The question in lower case; null if the answer repeats none. */
  readonly question: { readonly name: string; readonly type: number; readonly class: number } | null;
  /** The bytes of the header, the question and the answer section. */
  readonly bytes: Uint8Array;
  readonly answers: readonly AnswerRecord[];
  /** How long the answer that something does not exist may be kept (RFC 2308 §5), seconds; null without an SOA record. */
  readonly negativeTtl: number | null;
  /** Why the query failed, where the server says so. */
  readonly error: ExtendedError | null;
}

/** Reads an answer; null if it is malformed. */
export function readResponse(bytes: Uint8Array): DnsResponse | null {
  if (bytes.length < HEADER_BYTES) return null;
  const word = (at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const flags = word(2);
  const [questions, answerCount, authorityCount, additionalCount] = [word(4), word(6), word(8), word(10)];
  if ((flags & FLAG.QR) === 0 || questions > 1) return null;
  let at = HEADER_BYTES;
  let question: DnsResponse["question"] = null;
  if (questions === 1) {
    const name = readName(bytes, at, false);
    if (name === null || name.end + 4 > bytes.length) return null;
    question = { name: name.text, type: word(name.end), class: word(name.end + 2) };
    at = name.end + 4;
  }
  const answers: AnswerRecord[] = [];
  let end = at;
  let negativeTtl: number | null = null;
  let extended = 0;
  let error: ExtendedError | null = null;
  for (let record = 0; record < answerCount + authorityCount + additionalCount; record++) {
    const isAnswer = record < answerCount;
    const name = isAnswer ? readName(bytes, at) : null;
    const fields = isAnswer ? (name?.end ?? -1) : skipName(bytes, at);
    if (fields < 0 || fields + 10 > bytes.length) return null;
    const type = word(fields);
    const from = fields + 10;
    const to = from + word(fields + 8);
    if (to > bytes.length) return null;
    if (name !== null) {
      answers.push({ name: name.text, type, at, ttlAt: fields + 4, from, to });
      end = to;
    } else if (type === TYPE.OPT) {
      extended = bytes[fields + 4] ?? 0;
      const option = findOption(bytes, { from, to }, EXTENDED_ERROR_OPTION);
      if (option !== null && option !== undefined) error = readExtendedError(option);
    } else if (type === TYPE.SOA && record < answerCount + authorityCount && to - from >= 20) {
      negativeTtl = Math.min(readU32(bytes, fields + 4), readU32(bytes, to - 4));
    }
    at = to;
  }
  return {
    ...{ id: word(0), rcode: (extended << 4) | (flags & 0xf), truncated: (flags & FLAG.TC) !== 0, question },
    ...{ bytes: bytes.subarray(0, end), answers, negativeTtl, error },
  };
}

/** An answer that can be kept, and given to other clients. */
export interface KeptAnswer {
  readonly rcode: number;
  /** Header, question in lower case, and the answer section. */
  readonly bytes: Uint8Array;
  readonly answers: number;
  /** Offsets of TTLs. */
  readonly ttls: readonly number[];
  /** How long the answer may be kept, seconds; 0 for not at all. */
  readonly ttl: number;
  /** Whether the answer is that something does not exist. */
  readonly negative: boolean;
}

/** The longest time that answers are kept, seconds: with records, and that something does not exist. */
const MOST_TTL = 3600;
const MOST_NEGATIVE_TTL = 60;

/**
 * The answer to a question about a name of a zone, of the records that answer it alone. Null if the answer is none to
 * the question, or no whole one: a server failed, an alias leads to no record, or a record cannot be separated from
 * names of others.
 */
export function keepAnswer(
  response: DnsResponse,
  asked: { name: string; type: number },
  zone: string,
): KeptAnswer | null {
  const { rcode, question, answers, truncated } = response;
  const isAsked =
    question?.name === asked.name && question.type === asked.type && question.class === CLASS_IN;
  if (!isAsked || truncated || (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN)) return null;
  const chain = chainOf(response, asked);
  if (chain === null) return null;
  const isNegative = rcode === RCODE.NXDOMAIN || chain.records.length === 0;
  // An alias without its target's records, or the word that there are none, is a part of an answer.
  if (isNegative && chain.isAlias && rcode === RCODE.NOERROR && response.negativeTtl === null) return null;
  const ttls = answers
    .map(({ ttlAt }) => readU32(response.bytes, ttlAt))
    .map((ttl) => (ttl > 0x7fffffff ? 0 : ttl));
  const ttl = isNegative
    ? Math.min(response.negativeTtl ?? 0, MOST_NEGATIVE_TTL, ...ttls)
    : Math.min(MOST_TTL, ...ttls);
  const kept = { rcode, ttl, negative: isNegative };
  if (answers.every(({ name }) => isWithin(name, zone))) {
    if (!hasLastingNames(response)) return null;
    return {
      ...kept,
      bytes: response.bytes,
      answers: answers.length,
      ttls: answers.map(({ ttlAt }) => ttlAt),
    };
  }
  // Resolvers in front would keep names of others as well, from a site that may say nothing about them.
  return flattened(response, chain.records, kept);
}

/**
 * Whether no name is read out of the header or a TTL, by a pointer. These change when the answer is passed on, and the
 * name would change with them, perhaps to another zone's.
 */
function hasLastingNames({ bytes, answers }: DnsResponse): boolean {
  const changed = new Uint8Array(bytes).fill(0xff, 0, HEADER_BYTES);
  for (const { ttlAt } of answers) changed.fill(0xff, ttlAt, ttlAt + 4);
  const isSame = (at: number) => readName(changed, at)?.text === readName(bytes, at)?.text;
  return answers.every(({ at, from, type }) => isSame(at) && (type !== TYPE.CNAME || isSame(from)));
}

/** The most aliases between a name and its records. */
const MAX_ALIASES = 16;

/** Follows the aliases of an answer to the records that were asked for; null if records belong to no name of the chain. */
function chainOf(
  { bytes, answers }: DnsResponse,
  { name, type }: { readonly name: string; readonly type: number },
): { readonly records: readonly AnswerRecord[]; readonly isAlias: boolean } | null {
  const names = new Set([name]);
  let last = name;
  for (let hop = 0; hop < MAX_ALIASES && type !== TYPE.CNAME && type !== TYPE.ANY; hop++) {
    const alias = answers.find((record) => record.type === TYPE.CNAME && record.name === last);
    const target = alias === undefined ? null : readName(bytes, alias.from);
    if (target === null || names.has(target.text)) break;
    last = target.text;
    names.add(last);
  }
  const isKnown = ({ name: owner, type: of }: AnswerRecord) => names.has(owner) || of === TYPE.DNAME;
  if (!answers.every(isKnown)) return null;
  const records = answers.filter(
    (record) => record.name === last && (record.type === type || type === TYPE.ANY),
  );
  return { records, isAlias: last !== name };
}

/** Types whose data has no names, so that it can be moved. */
const MOVABLE: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA]);

/** The records under the name that was asked for. */
function flattened(
  { bytes, answers }: DnsResponse,
  records: readonly AnswerRecord[],
  kept: Pick<KeptAnswer, "rcode" | "ttl" | "negative">,
): KeptAnswer | null {
  if (!records.every(({ type }) => MOVABLE.has(type))) return null;
  const [first] = answers;
  const questionEnd = first === undefined ? bytes.length : endOfQuestion(bytes);
  const size = records.reduce((sum, { from, to }) => sum + 12 + to - from, questionEnd);
  const flat = new Uint8Array(size);
  flat.set(bytes.subarray(0, questionEnd));
  const ttls: number[] = [];
  let at = questionEnd;
  for (const { type, ttlAt, from, to } of records) {
    // A pointer to the question's name.
    flat.set([0xc0, HEADER_BYTES, type >>> 8, type, 0, CLASS_IN], at);
    ttls.push(at + 6);
    writeU32(flat, at + 6, readU32(bytes, ttlAt));
    flat.set(bytes.subarray(from - 2, to), at + 10);
    at += 12 + to - from;
  }
  return { ...kept, bytes: flat, answers: records.length, ttls };
}

const endOfQuestion = (bytes: Uint8Array): number => skipName(bytes, HEADER_BYTES) + 4;
