/** Records as files: JSON lines, and CSV. */
import type { SiteFlowRecord } from "../../../../protocol/telemetry/flow-record.ts";

/** One JSON object on each line. */
export function toJsonLines(records: readonly SiteFlowRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

type Cell = string | number | null | undefined;

const COLUMNS: readonly (readonly [string, (record: SiteFlowRecord) => Cell])[] = [
  ["time", ({ at }) => new Date(at).toISOString()],
  ["kind", ({ kind }) => kind],
  ["state", ({ state }) => state],
  ["from", (record) => fromOf(record)],
  ["to", (record) => toOf(record)],
  ["service", ({ service }) => service],
  ["protocol", ({ protocol }) => protocol],
  ["process", ({ process }) => process],
  ["client", ({ client }) => client],
  ["target", ({ target }) => target],
  ["method", ({ method }) => method],
  ["authority", ({ authority }) => authority],
  ["path", ({ path }) => path],
  ["status", ({ status }) => status],
  ["outcome", ({ outcome }) => outcome],
  ["ms", ({ ms }) => ms],
  ["first_byte_ms", ({ firstByteMs }) => firstByteMs],
  ["bytes_to_target", ({ bytesToTarget }) => bytesToTarget],
  ["bytes_to_client", ({ bytesToClient }) => bytesToClient],
  ["session", ({ session }) => session],
  ["stream", ({ stream }) => stream],
  ["trace", ({ trace }) => trace],
];

/** RFC 4180, with a line of names. A text that a spreadsheet would take as a formula gets an apostrophe before it. */
export function toCsv(records: readonly SiteFlowRecord[]): string {
  const lines = [
    COLUMNS.map(([name]) => name),
    ...records.map((record) => COLUMNS.map(([, cellOf]) => cellText(cellOf(record)))),
  ];
  return lines.map((cells) => `${cells.join(",")}\r\n`).join("");
}

function cellText(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The client's site; "door" for the public door, "" where it is unknown. */
export const fromOf = ({ side, site, peer }: SiteFlowRecord): string =>
  side === "listener" ? site.name : (peer?.name ?? "");

/** The target's site; "" where none was chosen. */
export const toOf = ({ side, site, peer }: SiteFlowRecord): string =>
  side === "listener" ? (peer?.name ?? "") : site.name;
