/** The trace context that an OPEN may carry (docs/protocol.md, "Fields of an OPEN"). */
import * as z from "zod";

/** Length of a {@link Traceparent}, in characters. */
export const TRACEPARENT_LENGTH = 55;

/** A W3C `traceparent` of version 00: trace id, parent id, flags. Neither id is all zeros. */
export const Traceparent = z
  .string()
  .regex(
    /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/,
    "must be a W3C traceparent of version 00",
  );

/** Whether the trace of a {@link Traceparent} is recorded: the lowest bit of its flags. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}
