/** The values of the options of `events`. */
import { EventGroup, EventType } from "../../../protocol/api/events.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import { oneOf } from "../framework/values.ts";

/** A type of event, or the group before its dot. */
export const eventType = oneOf(...EventType.options, ...EventGroup.options);

/** A moment: a number of seconds before now, or ms since 1970. */
export type Moment = { readonly ago: number } | { readonly at: number };

/** A date, or a date and a time with its zone. A time without a zone would be ambiguous. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** @throws FairleadError `request.invalid` */
export function parseMoment(text: string): Moment {
  if (ISO.test(text)) {
    const at = Date.parse(text);
    if (!Number.isNaN(at)) return { at };
  }
  try {
    return { ago: parseDuration(text) };
  } catch (cause) {
    const message = `"${text}" is neither a duration such as 1h nor a time such as 2026-11-20T10:00:00Z.`;
    throw new FairleadError("request.invalid", message, { cause });
  }
}

/** The moment in the form of the API. @param now ms since 1970 */
export function isoOf(moment: Moment, now: number): string {
  return new Date("at" in moment ? moment.at : now - moment.ago * 1000).toISOString();
}
