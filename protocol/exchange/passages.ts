/** Requests that come back to Fairlead, recognised by their `Via` (RFC 9110 §7.6.3; docs/protocol.md, "Exchanges"). */
import { FairleadError } from "../errors.ts";
import type { RequestHead } from "./head.ts";

/** The name of a connector in `Via` and `Proxy-Status`, and that of a door. */
export const CONNECTOR_NAME = "fairlead";
export const DOOR_NAME = "fairlead-door";

/** How often a request may pass through Fairlead: a request that comes back to itself ends here. */
export const MAX_PASSAGES = 8;

const VIA = new RegExp(`^\\s*(?:HTTP/)?\\d(?:\\.\\d)?\\s+(?:${CONNECTOR_NAME}|${DOOR_NAME})\\s*$`, "i");

/** The error of a request that has passed through Fairlead more than {@link MAX_PASSAGES} times; null for any other. */
export function loopOf({ fields }: Pick<RequestHead, "fields">): FairleadError | null {
  let passages = 0;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== "via") continue;
    for (const entry of (fields[at + 1] ?? "").split(",")) if (VIA.test(entry)) passages++;
  }
  if (passages <= MAX_PASSAGES) return null;
  return new FairleadError(
    "service.loop",
    `The request has passed through Fairlead ${passages} times already.`,
  );
}
