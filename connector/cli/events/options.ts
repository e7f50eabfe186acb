/** Forms of the options of `events`. */
import { EventGroup, EventType } from "../../../protocol/api/events.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import { oneOf } from "../framework/values.ts";

/** A type of event, or what stands before its dot. */
export const eventType = oneOf(...EventType.options, ...EventGroup.options);

/** A moment: so many seconds before now, or a time of its own in ms since 1970. */
export type Moment = { readonly ago: number } | { readonly at: number };

/** A date, or a date and a time with its zone: without one, nobody knows whose clock is meant. */
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
    const message = `"${text}" is neither a duration like 1h nor a time like 2026-11-20T10:00:00Z`;
    throw new FairleadError("request.invalid", message, { cause });
  }
}

/** The moment as the API takes it; `now` in ms. */
export function isoOf(moment: Moment, now: number): string {
  return new Date("at" in moment ? moment.at : now - moment.ago * 1000).toISOString();
}
