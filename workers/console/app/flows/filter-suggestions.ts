/** What can follow in the text of a filter. */
import { NUMBER_FIELDS, TEXT_FIELDS } from "../../../../protocol/telemetry/flow-filter.ts";

/** Values that are known for fields. */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

/** A text that continues the filter: what it is, and the filter with it. */
export interface Suggestion {
  readonly label: string;
  readonly filter: string;
}

/** Values that every network has. */
const FIXED: KnownValues = {
  kind: ["stream", "request"],
  state: ["open", "ended"],
  side: ["listener", "target"],
  protocol: ["tcp", "udp", "http1", "http2", "grpc"],
  status: ["2xx", "3xx", "4xx", "5xx"],
  outcome: ["failed", "completed"],
  method: ["GET", "POST", "PUT", "DELETE"],
};

/** The most suggestions at a time. */
const MAX_SUGGESTIONS = 8;

/** Suggestions for the last term of a filter: names of fields, then values of the field. */
export function suggestionsFor(filter: string, known: KnownValues): Suggestion[] {
  const start = filter.lastIndexOf(" ") + 1;
  const before = filter.slice(0, start);
  const [, negation = "", term = ""] = /^(!?)(.*)$/.exec(filter.slice(start)) ?? [];
  const colon = term.indexOf(":");
  if (colon < 0) {
    const wanted = term.toLowerCase();
    const fields = [...TEXT_FIELDS.map((field) => `${field}:`), ...NUMBER_FIELDS.map((field) => `${field}>`)];
    return fields
      .filter((field) => field.startsWith(wanted) && field !== wanted)
      .slice(0, term === "" ? 0 : MAX_SUGGESTIONS)
      .map((field) => ({ label: field, filter: `${before}${negation}${field}` }));
  }
  const [field, typed] = [term.slice(0, colon), term.slice(colon + 1).toLowerCase()];
  const values = [...new Set([...(FIXED[field] ?? []), ...(known[field] ?? [])])];
  return values
    .filter((value) => value.toLowerCase().startsWith(typed) && value.toLowerCase() !== typed)
    .slice(0, MAX_SUGGESTIONS)
    .map((value) => ({
      label: `${field}:${value}`,
      filter: `${before}${negation}${field}:${quoted(value)} `,
    }));
}

const quoted = (value: string): string => (/\s/.test(value) ? `"${value.replaceAll('"', "")}"` : value);
