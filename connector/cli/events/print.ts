/** Prints events. */
import { EventType } from "../../../protocol/api/events.ts";
import type { ListedEvent } from "../../operator/edge-api.ts";
import type { Context } from "../framework/context.ts";

/** Types are padded to this length, so that the texts are aligned. */
const LONGEST_TYPE = Math.max(...EventType.options.map((type) => type.length));

/** Columns before the text of an event: its time and its type. */
const TEXT_COLUMN = "2026-01-01T00:00:00Z".length + 2 + LONGEST_TYPE + 2;

/** Prints an event as one line; as a line of JSON with --json. */
export function printEvent(context: Context, event: ListedEvent): void {
  const { out } = context;
  if (context.json) {
    out.verbatim(JSON.stringify(event));
    return;
  }
  const times = event.count === undefined ? "" : ` ×${event.count}`;
  const about = `${event.text}${event.code === undefined ? "" : ` (${event.code})`}${times}`;
  const padded = event.type.padEnd(LONGEST_TYPE);
  const type = event.code === undefined ? padded : out.paint("yellow", padded);
  out.line(
    `${out.paint("dim", event.at.replace(/\.\d+Z$/, "Z"))}  ${type}  ${about}  ${out.paint("dim", `by ${event.actor}`)}`,
    TEXT_COLUMN,
  );
}
