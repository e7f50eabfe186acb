/**
 * The filter of flows: a text of terms that must all hold, such as `service:db !site:west status:5xx ms>100 login`. A
 * term is `FIELD:VALUE`, `FIELD>NUMBER`, `FIELD<NUMBER` or a word that one of the texts contains; `!` before a term
 * negates it. A value ends in `*` to stand for everything that begins so, and has quotes around it where it has spaces.
 * Command line, console and connectors read the same text.
 */
import { FairleadError } from "../errors.ts";
import type { SiteFlowRecord } from "./flow-record.ts";

/** Fields with a text. `site` is the reporting site, `peer` the other end, `from` and `to` the client's and the target's. */
export const TEXT_FIELDS = [
  "kind",
  "state",
  "side",
  "site",
  "peer",
  "from",
  "to",
  "service",
  "protocol",
  "client",
  "process",
  "target",
  "method",
  "authority",
  "path",
  "status",
  "outcome",
  "session",
  "trace",
] as const;
export type TextField = (typeof TEXT_FIELDS)[number];

/** Fields with a number: duration in ms, time to the first byte in ms, and bytes of both directions. */
export const NUMBER_FIELDS = ["ms", "ttfb", "bytes"] as const;
export type NumberField = (typeof NUMBER_FIELDS)[number];

/** One term of a filter. */
export type FlowTerm = { readonly negated: boolean } & (
  | { readonly field: TextField; readonly value: string }
  | { readonly field: NumberField; readonly above: boolean; readonly value: number }
  | { readonly field: null; readonly value: string }
);

/** The longest text of a filter, in UTF-16 code units. */
export const MAX_FILTER = 1000;

const TERM = /(!?)(?:([a-z]+)([:<>]))?(?:"([^"]*)"|(\S+))/gy;

/**
 * Parses a filter. An empty text matches everything.
 *
 * @throws FairleadError request.invalid with the term that is wrong, and the fields that there are
 */
export function parseFlowFilter(text: string): FlowTerm[] {
  if (text.length > MAX_FILTER) throw invalid(`A filter has at most ${MAX_FILTER} characters.`);
  const terms: FlowTerm[] = [];
  const rest = text.trim();
  TERM.lastIndex = 0;
  while (TERM.lastIndex < rest.length) {
    const start = TERM.lastIndex;
    const found = TERM.exec(rest);
    if (found === null)
      throw invalid(`The filter cannot be read from "${rest.slice(start, start + 30)}" on.`);
    const [, not, field, operator, quoted, bare] = found;
    if (bare !== undefined && /^[a-z]+[:<>]$/.test(bare)) throw invalid(`No value follows ${bare}`);
    terms.push(termOf(not === "!", field, operator, quoted ?? bare ?? ""));
    while (rest[TERM.lastIndex] === " ") TERM.lastIndex++;
  }
  return terms;
}

function termOf(
  negated: boolean,
  field: string | undefined,
  operator: string | undefined,
  value: string,
): FlowTerm {
  if (field === undefined) return { negated, field: null, value: value.toLowerCase() };
  if (operator === ":") {
    const known = TEXT_FIELDS.find((each) => each === field);
    if (known === undefined) throw unknownField(field, operator);
    return { negated, field: known, value: value.toLowerCase() };
  }
  const known = NUMBER_FIELDS.find((each) => each === field);
  if (known === undefined) throw unknownField(field, operator ?? "");
  const number = Number(value);
  if (!Number.isFinite(number) || value === "")
    throw invalid(`"${value}" after ${field}${operator} is no number.`);
  return { negated, field: known, above: operator === ">", value: number };
}

/** Whether a record matches all terms, at whichever end it was made. */
export function matchesFlow(terms: readonly FlowTerm[], record: SiteFlowRecord): boolean {
  return terms.every((term) => holds(term, record) !== term.negated);
}

/**
 * Whether a record of a whole network matches all terms. Both ends of a stream record it: unless a term names `side` or
 * `target`, the record of the target's end is left out, so that each flow is shown once. It stays for clients of the
 * public door, which has no records.
 */
export function matchesNetworkFlow(terms: readonly FlowTerm[], record: SiteFlowRecord): boolean {
  const isRepeated = record.side === "target" && (record.peer?.site ?? null) !== null;
  if (isRepeated && !terms.some(({ field }) => field === "side" || field === "target")) return false;
  return matchesFlow(terms, record);
}

function holds(term: FlowTerm, record: SiteFlowRecord): boolean {
  if (term.field === null)
    return WORD_TEXTS.some((field) => textOf(record, field).toLowerCase().includes(term.value));
  if ("above" in term) {
    const value = numberOf(record, term.field);
    return value !== null && (term.above ? value > term.value : value < term.value);
  }
  return fits(textOf(record, term.field).toLowerCase(), term.value, term.field);
}

/** `5xx` stands for the statuses from 500 to 599; `failed` as an outcome for every one but "completed". */
function fits(text: string, wanted: string, field: TextField): boolean {
  if (field === "status" && /^\dxx$/.test(wanted)) return text.length === 3 && text[0] === wanted[0];
  if (field === "outcome" && wanted === "failed") return text !== "" && text !== "completed";
  return wanted.endsWith("*") ? text.startsWith(wanted.slice(0, -1)) : text === wanted;
}

/** Fields in which a bare word is searched. */
const WORD_TEXTS = [
  "site",
  "peer",
  "service",
  "client",
  "process",
  "target",
  "authority",
  "path",
  "outcome",
] as const;

function textOf(record: SiteFlowRecord, field: TextField): string {
  const here = record.site.name;
  const there = record.peer?.name ?? "";
  switch (field) {
    case "site":
      return here;
    case "peer":
      return there;
    case "from":
      return record.side === "listener" ? here : there;
    case "to":
      return record.side === "listener" ? there : here;
    case "status":
      return record.status === undefined ? "" : String(record.status);
    default:
      return record[field] ?? "";
  }
}

function numberOf(record: SiteFlowRecord, field: NumberField): number | null {
  if (field === "ms") return record.ms;
  return field === "ttfb" ? record.firstByteMs : record.bytesToTarget + record.bytesToClient;
}

const invalid = (message: string) =>
  new FairleadError("request.invalid", message, {
    action: "Write a filter of terms such as service:db, !site:west, status:5xx, outcome:failed or ms>100.",
  });

const unknownField = (field: string, operator: string) =>
  invalid(
    `No field for "${operator}" is called ${field}. Fields are ${(operator === ":" ? TEXT_FIELDS : NUMBER_FIELDS).join(", ")}.`,
  );
